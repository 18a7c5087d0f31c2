// One I/O thread's part of the hub: its registrations, and the delivery to them.
#ifndef CARILLON_WSFACADE_HUB_FAN_OUT_H_
#define CARILLON_WSFACADE_HUB_FAN_OUT_H_

#include <memory>

#include "absl/strings/string_view.h"
#include "wsfacade/hub/event_frames.h"
#include "wsfacade/hub/registration_table.h"
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

  // Any thread reads.
  struct Counts {
    ThreadCount registrations;
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
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_FAN_OUT_H_
