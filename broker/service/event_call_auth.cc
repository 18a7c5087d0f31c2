#include "broker/service/event_call_auth.h"

#include <utility>

namespace carillon::service {

void AuthenticateEventCall(grpc::CallbackServerContext* context, const CallContext& call_context,
                           absl::string_view rpc,
                           std::function<void(absl::StatusOr<access::Identity>)> done) {
  call_context.auth->Authenticate(context, rpc, std::move(done));
}

void OpenCallSession(grpc::CallbackServerContext* context, const CallContext& call_context,
                     absl::string_view rpc,
                     std::function<void(absl::StatusOr<access::SessionPtr>)> done) {
  call_context.auth->Authenticate(
      context, rpc,
      [&call_context, done = std::move(done)](absl::StatusOr<access::Identity> identity) {
        if (!identity.ok()) return done(identity.status());
        done(call_context.access->OpenOwnSession(*identity));
      });
}

}  // namespace carillon::service
