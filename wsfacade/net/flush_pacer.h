// When an I/O thread writes its outboxes: at once while there is little to write, and in ever
// larger batches as the core fills up. Pure.
#ifndef CARILLON_WSFACADE_NET_FLUSH_PACER_H_
#define CARILLON_WSFACADE_NET_FLUSH_PACER_H_

#include "absl/time/time.h"

namespace carillon::facade {

// A write costs about the same for one frame as for ten. So a flush that took long is followed by a
// window in which outboxes only fill up; one that was quick is not. After silence the next flush is
// always at once: a quiet system never waits. Times are steady ones.
class FlushPacer {
 public:
  // No flush waits longer than `window_max`; zero: none waits.
  explicit FlushPacer(absl::Duration window_max) : window_max_(window_max) {}

  // A flush, or a part of one, has been made.
  void OnFlushed(absl::Time begin, absl::Time end);

  // Before this nothing should be written.
  absl::Time next() const { return next_; }

 private:
  const absl::Duration window_max_;
  // How long a flush takes, averaged.
  absl::Duration cost_;
  absl::Time next_ = absl::InfinitePast();
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_FLUSH_PACER_H_
