// One I/O thread's part of the hub: its registrations, and the delivery to them.
#ifndef CARILLON_WSFACADE_HUB_FAN_OUT_H_
#define CARILLON_WSFACADE_HUB_FAN_OUT_H_

#include <string>

#include "absl/strings/string_view.h"
#include "wsfacade/hub/event_frames.h"
#include "wsfacade/hub/registration_table.h"
#include "wsfacade/hub/replays.h"
#include "wsfacade/net/io_thread.h"

namespace carillon::facade {

class Hub;

// Its thread alone, except for `counts`.
class FanOut : private UpstreamSource {
 public:
  FanOut(Hub* hub, IoThread* thread);

  IoThread& thread() const { return *thread_; }
  RegistrationTable& table() { return table_; }

  void Deliver(const EventFrames& frames);
  // Everything up to `position` was handed out.
  void SetReached(absl::string_view position);
  // How far the events have come that this thread has handed out; while one is being handed out, up
  // to the one before it. Never empty once there was an event: the stream begins by telling where.
  absl::string_view reached() const {
    return delivering_ == nullptr ? reached_ : delivering_->position_of(delivered_ - 1);
  }

  // A turn to read from the log, for a websocket that has fallen behind.
  ReplayTicket RequestReplay(ReplaySink* sink);
  bool ReplaysAreCrowded() const;

  // Any thread reads.
  struct Counts {
    ThreadCount registrations;
    // Websockets that have fallen behind.
    ThreadCount lagging;
    ThreadCount deliveries;
    ThreadCount delivered_bytes;
  };
  Counts counts;

 private:
  UpstreamSubscription* Acquire(const ScopePtr& scope, absl::string_view filter) override;
  void Release(UpstreamSubscription* subscription) override;

  Hub* const hub_;
  IoThread* const thread_;
  RegistrationTable table_;
  std::string reached_;
  // The frames of which `delivered_` events, at least one, were handed out, while others are.
  const EventFrames* delivering_ = nullptr;
  size_t delivered_ = 0;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_FAN_OUT_H_
