// Who calls EventService.
#ifndef CARILLON_BROKER_SERVICE_EVENT_CALL_AUTH_H_
#define CARILLON_BROKER_SERVICE_EVENT_CALL_AUTH_H_

#include <grpcpp/server_context.h>

#include <functional>

#include "absl/status/statusor.h"
#include "broker/access/session.h"
#include "broker/service/call_context.h"

namespace carillon::service {

// Calls `done` once, here or later on another thread.
void AuthenticateEventCall(grpc::CallbackServerContext* context, const CallContext& call_context,
                           std::function<void(absl::StatusOr<access::Identity>)> done);

// The same for a call that lasts: its session follows the caller's rights.
void OpenCallSession(grpc::CallbackServerContext* context, const CallContext& call_context,
                     std::function<void(absl::StatusOr<access::SessionPtr>)> done);

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_EVENT_CALL_AUTH_H_
