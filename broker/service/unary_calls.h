// How the broker's unary calls run: authenticated, then on a thread that may block.
#ifndef CARILLON_BROKER_SERVICE_UNARY_CALLS_H_
#define CARILLON_BROKER_SERVICE_UNARY_CALLS_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/server_callback.h>

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/service/call_auth.h"
#include "deploy/program/worker_pool.h"

namespace carillon::service {

// Any thread.
class UnaryCalls {
 public:
  // Both must outlive the last call.
  UnaryCalls(const CallAuth* auth, program::WorkerPool* workers) : auth_(auth), workers_(workers) {}

  // Authenticates the caller, runs `work` on a worker and finishes the call with what it returns.
  // RESOURCE_EXHAUSTED (CALLS_BUSY, with RetryInfo): too many calls wait. A call that was cancelled
  // before its turn does nothing. Request and response of the call stay valid for `work`.
  using Work = std::function<absl::Status(const access::Identity& caller)>;
  grpc::ServerUnaryReactor* Run(grpc::CallbackServerContext* context, absl::string_view rpc,
                                Work work) const;

  // The same for work that goes on elsewhere: it must not block and calls `finish` once, from any
  // thread. `user_peer`: as in RefusedCall.
  using Finish = std::function<void(absl::Status)>;
  using AsyncWork = std::function<void(const access::Identity& caller, Finish finish)>;
  grpc::ServerUnaryReactor* RunAsync(grpc::CallbackServerContext* context, absl::string_view rpc,
                                     AsyncWork work, std::string user_peer = "") const;

 private:
  const CallAuth* const auth_;
  program::WorkerPool* const workers_;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_UNARY_CALLS_H_
