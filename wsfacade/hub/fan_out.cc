#include "wsfacade/hub/fan_out.h"

#include "wsfacade/hub/hub.h"

namespace carillon::facade {

FanOut::FanOut(Hub* hub, IoThread* thread) : hub_(hub), thread_(thread), table_(this) {}

void FanOut::Deliver(const EventFrames& frames) {
  if (frames.events.empty()) return;
  int64_t deliveries = 0;
  int64_t bytes = 0;
  for (size_t i = 0; i < frames.events.size(); ++i) {
    const EventFrames::Event& event = frames.events[i];
    const size_t count = table_.Deliver(frames.ids_of(i), frames.bytes, event.begin, event.end);
    delivering_ = &frames;
    delivered_ = i + 1;
    deliveries += static_cast<int64_t>(count);
    bytes += static_cast<int64_t>(count * (event.end - event.begin));
  }
  delivering_ = nullptr;
  SetReached(frames.position_of(frames.events.size() - 1));
  counts.deliveries.Add(deliveries);
  counts.delivered_bytes.Add(bytes);
}

void FanOut::SetReached(absl::string_view position) {
  reached_.assign(position.data(), position.size());
}

ReplayTicket FanOut::RequestReplay(ReplaySink* sink) {
  return hub_->replays().Request(thread_, sink);
}

bool FanOut::ReplaysAreCrowded() const { return hub_->replays().is_crowded(); }

UpstreamSubscription* FanOut::Acquire(const ScopePtr& scope, absl::string_view filter) {
  return hub_->Acquire(this, scope, filter);
}

void FanOut::Release(UpstreamSubscription* subscription) { hub_->Release(this, subscription); }

}  // namespace carillon::facade
