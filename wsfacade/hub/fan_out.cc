#include "wsfacade/hub/fan_out.h"

#include "absl/types/span.h"
#include "wsfacade/hub/hub.h"

namespace carillon::facade {

FanOut::FanOut(Hub* hub, IoThread* thread) : hub_(hub), thread_(thread), table_(this) {}

void FanOut::Deliver(const EventFrames& frames) {
  const absl::Span<const int64_t> ids(frames.ids);
  size_t ids_begin = 0;
  int64_t deliveries = 0;
  int64_t bytes = 0;
  for (const EventFrames::Event& event : frames.events) {
    const size_t count = table_.Deliver(ids.subspan(ids_begin, event.ids_end - ids_begin),
                                        frames.bytes, event.begin, event.end);
    ids_begin = event.ids_end;
    deliveries += static_cast<int64_t>(count);
    bytes += static_cast<int64_t>(count * (event.end - event.begin));
  }
  counts.deliveries.Add(deliveries);
  counts.delivered_bytes.Add(bytes);
}

UpstreamSubscription* FanOut::Acquire(const ScopePtr& scope, absl::string_view filter) {
  return hub_->Acquire(this, scope, filter);
}

void FanOut::Release(UpstreamSubscription* subscription) { hub_->Release(this, subscription); }

}  // namespace carillon::facade
