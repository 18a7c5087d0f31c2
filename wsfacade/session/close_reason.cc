#include "wsfacade/session/close_reason.h"

namespace carillon::facade {

absl::string_view CloseReasonName(CloseReason reason) {
  switch (reason) {
    case CloseReason::kClient:
      return "client";
    case CloseReason::kConnectionLost:
      return "connection_lost";
    case CloseReason::kProtocol:
      return "protocol";
    case CloseReason::kCommandRate:
      return "command_rate";
    case CloseReason::kRegistrations:
      return "registrations";
    case CloseReason::kOutbox:
      return "outbox";
    case CloseReason::kPingTimeout:
      return "ping_timeout";
    case CloseReason::kSessionEnded:
      return "session_ended";
    case CloseReason::kSessionEvicted:
      return "session_evicted";
    case CloseReason::kEventsLost:
      return "events_lost";
    case CloseReason::kGoingAway:
      return "going_away";
  }
  return "";
}

CloseCode CloseCodeOf(CloseReason reason) {
  switch (reason) {
    case CloseReason::kClient:
    case CloseReason::kConnectionLost:
      return CloseCode::kNormal;
    case CloseReason::kProtocol:
      return CloseCode::kProtocolError;
    case CloseReason::kCommandRate:
    case CloseReason::kRegistrations:
    case CloseReason::kOutbox:
    case CloseReason::kPingTimeout:
    case CloseReason::kSessionEnded:
      return CloseCode::kPolicyViolation;
    case CloseReason::kSessionEvicted:
    case CloseReason::kEventsLost:
      return CloseCode::kTryAgainLater;
    case CloseReason::kGoingAway:
      return CloseCode::kGoingAway;
  }
  return CloseCode::kInternalError;
}

}  // namespace carillon::facade
