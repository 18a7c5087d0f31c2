// Remembers a bounded number of recent answers for a while.
#ifndef CARILLON_BROKER_ACCESS_RECENT_MAP_H_
#define CARILLON_BROKER_ACCESS_RECENT_MAP_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace carillon::access {

// Two generations of at most `entries_max` entries: when the young one is full it becomes the old
// one, and the old one is forgotten. What is looked up stays young. Any thread.
template <typename Value>
class RecentMap {
 public:
  explicit RecentMap(size_t entries_max) : entries_max_(entries_max) {}

  void Put(const std::string& key, Value value, absl::Time expire_time) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    PutLocked(key, Entry{std::move(value), expire_time});
  }

  // None if it was not put, has expired or is forgotten.
  std::optional<Value> Get(const std::string& key, absl::Time now) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (const auto found = young_.find(key); found != young_.end()) {
      if (now < found->second.expire_time) return found->second.value;
      young_.erase(found);
      return std::nullopt;
    }
    const auto found = old_.find(key);
    if (found == old_.end()) return std::nullopt;
    Entry entry = std::move(found->second);
    old_.erase(found);
    if (now >= entry.expire_time) return std::nullopt;
    Value value = entry.value;
    PutLocked(key, std::move(entry));
    return value;
  }

 private:
  struct Entry {
    Value value;
    absl::Time expire_time;
  };
  using Generation = absl::flat_hash_map<std::string, Entry>;

  void PutLocked(const std::string& key, Entry entry) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (young_.size() >= entries_max_ && !young_.contains(key)) {
      old_ = std::exchange(young_, Generation());
    }
    young_.insert_or_assign(key, std::move(entry));
  }

  const size_t entries_max_;
  absl::Mutex mu_;
  Generation young_ ABSL_GUARDED_BY(mu_);
  Generation old_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_RECENT_MAP_H_
