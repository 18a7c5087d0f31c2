#include "wsfacade/net/flush_pacer.h"

#include <algorithm>

namespace carillon::facade {
namespace {

// Flushes that would take more than one part in so many of the thread's time are spread out.
constexpr int kWindowPerCost = 12;
// Shorter windows gather nothing, and the timer for them costs as much as a write.
constexpr absl::Duration kWindowMin = absl::Microseconds(500);

}  // namespace

void FlushPacer::OnFlushed(absl::Time begin, absl::Time end) {
  cost_ = (cost_ * 3 + (end - begin)) / 4;
  const absl::Duration window = std::min(cost_ * kWindowPerCost, window_max_);
  next_ = window < kWindowMin ? absl::InfinitePast() : end + window;
}

}  // namespace carillon::facade
