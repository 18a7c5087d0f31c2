// Who calls EventService.
#ifndef CARILLON_BROKER_SERVICE_EVENT_CALL_AUTH_H_
#define CARILLON_BROKER_SERVICE_EVENT_CALL_AUTH_H_

#include <grpcpp/server_context.h>

#include <functional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/access/session.h"
#include "broker/service/call_context.h"

namespace carillon::service {

// Calls `done` once, here or later on another thread. `rpc` is a literal, such as
// "carillon.v1.EventService/Watch".
void AuthenticateEventCall(grpc::CallbackServerContext* context, const CallContext& call_context,
                           absl::string_view rpc,
                           std::function<void(absl::StatusOr<access::Identity>)> done);

// The same for a call that lasts: its session follows the caller's rights.
void OpenCallSession(grpc::CallbackServerContext* context, const CallContext& call_context,
                     absl::string_view rpc,
                     std::function<void(absl::StatusOr<access::SessionPtr>)> done);

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_EVENT_CALL_AUTH_H_
