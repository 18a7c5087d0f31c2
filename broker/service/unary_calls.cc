#include "broker/service/unary_calls.h"

#include <utility>

#include "carillon/wire/error.h"

namespace carillon::service {
namespace {

absl::Status Busy() {
  return wire::WithRetry(wire::Error(absl::StatusCode::kResourceExhausted, "CALLS_BUSY",
                                     "too many calls wait for their turn; try again in a second"),
                         absl::Seconds(1));
}

}  // namespace

grpc::ServerUnaryReactor* UnaryCalls::RunAsync(grpc::CallbackServerContext* context,
                                               absl::string_view rpc, AsyncWork work,
                                               std::string user_peer) const {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  const auto go_on = [=, this, work = std::move(work), user_peer = std::move(user_peer)](
                         const absl::StatusOr<access::Identity>& caller) {
    if (!caller.ok()) return reactor->Finish(wire::ToGrpcStatus(caller.status()));
    work(*caller, [=, this, name = caller->principal()](const absl::Status& status) {
      // Before the call is finished: then its context is gone.
      auth_->Report(context, rpc, name, status, user_peer);
      reactor->Finish(wire::ToGrpcStatus(status));
    });
  };
  auth_->Authenticate(context, rpc, go_on);
  return reactor;
}

grpc::ServerUnaryReactor* UnaryCalls::Run(grpc::CallbackServerContext* context,
                                          absl::string_view rpc, Work work) const {
  return RunAsync(context, rpc,
                  [this, context, work = std::move(work)](const access::Identity& caller,
                                                          const Finish& finish) {
                    const auto verdict = workers_->TrySubmit([context, work, caller, finish] {
                      finish(context->IsCancelled() ? absl::CancelledError("the call was cancelled")
                                                    : work(caller));
                    });
                    if (verdict != program::WorkerPool::Verdict::kAccepted) finish(Busy());
                  });
}

}  // namespace carillon::service
