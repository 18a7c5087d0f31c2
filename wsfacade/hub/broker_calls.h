// Unary calls to the broker, without waiting for them.
#ifndef CARILLON_WSFACADE_HUB_BROKER_CALLS_H_
#define CARILLON_WSFACADE_HUB_BROKER_CALLS_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "carillon/client/connection.h"
#include "carillon/v1/account_service.grpc.pb.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "carillon/v1/session_service.grpc.pb.h"

namespace carillon::facade {

// Callbacks are called once, from a thread of gRPC or of the caller. Any thread.
class BrokerCalls {
 public:
  template <typename Response>
  using Callback = absl::AnyInvocable<void(absl::StatusOr<Response>)>;

  // How long a call may take.
  struct Patience {
    absl::Duration timeout = absl::Seconds(10);
    // Waits for a connection to the broker; else it fails at once if there can be none.
    bool wait_for_connection = false;
  };

  explicit BrokerCalls(std::shared_ptr<client::Connection> connection);
  // Stops.
  ~BrokerCalls();

  // Cancels what is under way; returns when all callbacks have been called. Calls made from then on
  // are cancelled at once. Idempotent.
  void Stop();

  // As the facade.
  void OpenSession(v1::OpenSessionRequest request, Patience patience,
                   Callback<v1::OpenSessionResponse> done);
  void ResumeSessions(v1::ResumeSessionsRequest request, Patience patience,
                      Callback<v1::ResumeSessionsResponse> done);
  void CloseSessions(v1::CloseSessionsRequest request, Patience patience,
                     Callback<v1::CloseSessionsResponse> done);

  // As the user with these credentials, in the form of an Authorization header.
  void GrantToken(const std::string& authorization, v1::GrantTokenRequest request,
                  Patience patience, Callback<v1::GrantTokenResponse> done);
  void Publish(const std::string& authorization, v1::PublishRequest request, Patience patience,
               Callback<v1::PublishResponse> done);
  void GetStatus(const std::string& authorization, Patience patience,
                 Callback<v1::GetStatusResponse> done);

 private:
  template <typename Request, typename Response>
  struct Call;

  // `authorization` null: the facade's own.
  template <typename Request, typename Response, typename Stub, typename Method>
  void Run(Stub* stub, Method method, const std::string* authorization, Request request,
           Patience patience, Callback<Response> done);
  // False: stopped.
  bool Begin(grpc::ClientContext* context) ABSL_LOCKS_EXCLUDED(mu_);
  void End(std::unique_ptr<grpc::ClientContext> context) ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<client::Connection> connection_;
  const std::unique_ptr<v1::SessionService::Stub> sessions_;
  const std::unique_ptr<v1::AccountService::Stub> accounts_;
  const std::unique_ptr<v1::EventService::Stub> events_;

  absl::Mutex mu_;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  absl::flat_hash_set<grpc::ClientContext*> under_way_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_BROKER_CALLS_H_
