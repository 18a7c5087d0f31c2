// The subscriptions on the stream to the broker: one for each scope and filter that any websocket
// has registered for, and what the broker is still to be told about them. Pure.
#ifndef CARILLON_WSFACADE_HUB_UPSTREAM_TABLE_H_
#define CARILLON_WSFACADE_HUB_UPSTREAM_TABLE_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "wsfacade/hub/scope.h"

namespace carillon::facade {

struct UpstreamSubscription {
  enum class State : uint8_t {
    // To be told to the broker.
    kQueued,
    // Told; the answer is to come.
    kSent,
    // In force.
    kLive,
    // No more users; its removal awaits the broker's word.
    kRemoving,
    // Refused for good; its users are to release it.
    kRefused,
  };

  // Small, and used again once the broker has confirmed the removal of the one before.
  const int64_t id;
  // Never used again.
  const uint64_t serial;
  const ScopePtr scope;
  // carillon.v1.Filter in bytes.
  const std::string filter;

  State state = State::kQueued;
  // Bit i: I/O thread i has websockets that registered for it.
  uint64_t users = 0;
  // Users that know that it is in force.
  uint64_t told = 0;
};

// Not thread-safe.
class UpstreamTable {
 public:
  static constexpr int kThreadsMax = 64;

  UpstreamTable() = default;
  UpstreamTable(const UpstreamTable&) = delete;
  UpstreamTable& operator=(const UpstreamTable&) = delete;

  // The subscription for this scope and filter, used by `thread` from now on; made if there is
  // none. Valid until its last user releases it.
  UpstreamSubscription* Acquire(const ScopePtr& scope, absl::string_view filter, int thread);
  void Release(UpstreamSubscription* subscription, int thread);

  // Which to tell the broker next, at most `max`, and their filters at most about `bytes_max`: they
  // are then kSent. None while earlier ones await their answer, so that the busier it is the larger
  // the batches are.
  std::vector<UpstreamSubscription*> TakeAdds(size_t max, size_t bytes_max);
  // The same for removals.
  std::vector<int64_t> TakeRemoves(size_t max);

  // The broker's answers. Null: nobody uses it any more.
  UpstreamSubscription* OnAdded(int64_t id);
  void OnRemoved(int64_t id);
  // What the broker refused or ended is then to be told to it again, or refused to its users.
  UpstreamSubscription* OnClosed(int64_t id);
  void Requeue(UpstreamSubscription* subscription);
  void Refuse(UpstreamSubscription* subscription);

  // A new stream knows of none: all with users are to be told again, removals are done.
  void Restart();

  // With users.
  size_t size() const { return by_key_.size(); }

 private:
  using Key = std::pair<const std::string*, absl::string_view>;

  void Free(UpstreamSubscription* subscription);

  // Index: id. Empty where an id is free.
  std::vector<std::unique_ptr<UpstreamSubscription>> by_id_{1};
  std::vector<int64_t> free_ids_;
  uint64_t next_serial_ = 1;
  absl::flat_hash_map<Key, UpstreamSubscription*> by_key_;
  // Ids; those that are not kQueued any more are passed over.
  std::deque<int64_t> queued_;
  std::deque<int64_t> removes_;
  absl::flat_hash_set<int64_t> adds_in_flight_;
  absl::flat_hash_set<int64_t> removes_in_flight_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_UPSTREAM_TABLE_H_
