// Why websockets are closed, for metrics, and the code that tells the client.
#ifndef CARILLON_WSFACADE_SESSION_CLOSE_REASON_H_
#define CARILLON_WSFACADE_SESSION_CLOSE_REASON_H_

#include <array>
#include <atomic>
#include <cstdint>

#include "absl/strings/string_view.h"
#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {

enum class CloseReason : uint8_t {
  // The client closed it.
  kClient,
  // The connection broke or ended without a close frame.
  kConnectionLost,
  // The client broke the websocket protocol, its size limits included.
  kProtocol,
  // Too many commands.
  kCommandRate,
  // Too many registrations.
  kRegistrations,
  // More waits for the client than it may.
  kOutbox,
  // The client does not answer.
  kPingTimeout,
  // The token expired or was revoked, or the user is gone.
  kSessionEnded,
  // The broker holds too many sessions.
  kSessionEvicted,
  // Events may be missing, which must not go unnoticed.
  kEventsLost,
  // The server ends.
  kGoingAway,
};
inline constexpr int kCloseReasonCount = 11;

// The metric's label.
absl::string_view CloseReasonName(CloseReason reason);
// What the client is told, unless the protocol has a code of its own.
CloseCode CloseCodeOf(CloseReason reason);

// Any thread.
class CloseCounts {
 public:
  void Count(CloseReason reason) {
    counts_[static_cast<int>(reason)].fetch_add(1, std::memory_order_relaxed);
  }
  int64_t Get(CloseReason reason) const {
    return counts_[static_cast<int>(reason)].load(std::memory_order_relaxed);
  }

 private:
  std::array<std::atomic<int64_t>, kCloseReasonCount> counts_{};
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_CLOSE_REASON_H_
