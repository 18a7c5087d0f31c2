#include "broker/access/stream_places.h"

namespace carillon::access {

bool StreamPlaces::Take(const std::string& principal) {
  const size_t share = places_max_ / 4;
  absl::MutexLock lock(&mu_);
  if (taken_ >= places_max_) return false;
  const auto found = taken_by_.find(principal);
  const size_t own = found == taken_by_.end() ? 0 : found->second;
  const bool is_last_quarter = taken_ >= places_max_ - share;
  if (is_last_quarter && own >= share) return false;
  ++taken_;
  ++taken_by_[principal];
  return true;
}

void StreamPlaces::Leave(const std::string& principal) {
  absl::MutexLock lock(&mu_);
  --taken_;
  const auto found = taken_by_.find(principal);
  if (--found->second == 0) taken_by_.erase(found);
}

}  // namespace carillon::access
