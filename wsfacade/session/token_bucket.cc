#include "wsfacade/session/token_bucket.h"

#include <algorithm>

namespace carillon::facade {

bool TokenBucket::Take(const Rate& rate, absl::Time now) {
  if (filled_ == absl::InfinitePast()) {
    tokens_ = rate.burst;
  } else {
    const double gained = absl::ToDoubleSeconds(now - filled_) * rate.per_second;
    tokens_ = std::min<double>(rate.burst, tokens_ + gained);
  }
  filled_ = now;
  if (tokens_ < 1) return false;
  tokens_ -= 1;
  return true;
}

}  // namespace carillon::facade
