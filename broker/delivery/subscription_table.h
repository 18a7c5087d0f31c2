// All subscriptions of all streams, and which of them an event matches.
#ifndef CARILLON_BROKER_DELIVERY_SUBSCRIPTION_TABLE_H_
#define CARILLON_BROKER_DELIVERY_SUBSCRIPTION_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/types/span.h"
#include "broker/access/scope.h"
#include "broker/access/session.h"
#include "broker/delivery/subscriber.h"
#include "broker/match/match_index.h"
#include "broker/match/object_conditions.h"
#include "carillon/wire/event_view.h"

namespace carillon::delivery {

// Not thread-safe: the dispatcher's.
class SubscriptionTable {
 public:
  struct Subscription {
    Subscriber* subscriber = nullptr;
    int64_t id = 0;
    // Sees events after this sequence.
    uint64_t after = 0;
    // Whether it goes by the caller's own session, and so follows its scope.
    bool own = true;
    // NewSubscription.filter_bytes.
    uint32_t filter_bytes = 0;
    std::shared_ptr<const match::CompiledFilter> filter;

   private:
    friend class SubscriptionTable;
    uint32_t scope_ = 0;
  };

  // Adds a subscription; returns its slot.
  uint32_t Add(Subscription subscription, access::ScopePtr scope);
  void Remove(uint32_t slot);
  void SetScope(uint32_t slot, access::ScopePtr scope);
  void SetAfter(uint32_t slot, uint64_t after) { subscriptions_[slot].after = after; }

  const Subscription& at(uint32_t slot) const { return subscriptions_[slot]; }
  size_t size() const { return index_.size(); }

  // The subscriptions that `event`, with this sequence, matches and may be shown to, whatever the
  // state of their streams. Valid until the next call.
  absl::Span<const uint32_t> Match(uint64_t sequence, const wire::EventView& event);
  // The same for one stream alone.
  absl::Span<const uint32_t> MatchFor(const Subscriber& subscriber, uint64_t sequence,
                                      const wire::EventView& event);

 private:
  // A scope in use by subscriptions, with its verdict on the event at hand.
  struct ScopeEntry {
    access::ScopePtr scope;
    size_t users = 0;
    uint64_t asked_for = 0;
    bool allows = false;
  };

  uint32_t AcquireScope(access::ScopePtr scope);
  void ReleaseScope(uint32_t entry);
  bool Allows(ScopeEntry& entry, const wire::EventView& event);
  // Of what is in matched_.
  absl::Span<const uint32_t> KeepPassing(uint64_t sequence, const wire::EventView& event);
  bool Passes(const Subscription& subscription, uint64_t sequence, const wire::EventView& event,
              match::LazyObject& object);

  match::MatchIndex index_;
  std::vector<Subscription> subscriptions_;
  std::vector<uint32_t> free_slots_;
  std::vector<ScopeEntry> scopes_;
  std::vector<uint32_t> free_scopes_;
  absl::flat_hash_map<const access::Scope*, uint32_t> scope_entries_;
  // Counts events looked at: stamps the verdicts of scopes.
  uint64_t event_stamp_ = 0;
  std::vector<uint32_t> matched_;
};

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_SUBSCRIPTION_TABLE_H_
