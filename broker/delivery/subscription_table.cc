#include "broker/delivery/subscription_table.h"

#include <utility>

namespace carillon::delivery {
namespace {

// A stream with no more subscriptions than this is matched filter by filter, without the index that
// all streams share.
constexpr size_t kFewSubscriptions = 8;

}  // namespace

uint32_t SubscriptionTable::Add(Subscription subscription, access::ScopePtr scope) {
  uint32_t slot;
  if (free_slots_.empty()) {
    slot = static_cast<uint32_t>(subscriptions_.size());
    subscriptions_.emplace_back();
  } else {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  subscription.scope_ = AcquireScope(std::move(scope));
  index_.Add(slot, subscription.filter);
  subscriptions_[slot] = std::move(subscription);
  return slot;
}

void SubscriptionTable::Remove(uint32_t slot) {
  index_.Remove(slot);
  ReleaseScope(subscriptions_[slot].scope_);
  subscriptions_[slot] = Subscription();
  free_slots_.push_back(slot);
}

void SubscriptionTable::SetScope(uint32_t slot, access::ScopePtr scope) {
  const uint32_t entry = AcquireScope(std::move(scope));
  ReleaseScope(subscriptions_[slot].scope_);
  subscriptions_[slot].scope_ = entry;
}

uint32_t SubscriptionTable::AcquireScope(access::ScopePtr scope) {
  const auto found = scope_entries_.find(scope.get());
  if (found != scope_entries_.end()) {
    ++scopes_[found->second].users;
    return found->second;
  }
  uint32_t entry;
  if (free_scopes_.empty()) {
    entry = static_cast<uint32_t>(scopes_.size());
    scopes_.emplace_back();
  } else {
    entry = free_scopes_.back();
    free_scopes_.pop_back();
  }
  scope_entries_.emplace(scope.get(), entry);
  scopes_[entry] = ScopeEntry{std::move(scope), 1, 0, false};
  return entry;
}

void SubscriptionTable::ReleaseScope(uint32_t entry) {
  if (--scopes_[entry].users > 0) return;
  scope_entries_.erase(scopes_[entry].scope.get());
  scopes_[entry] = ScopeEntry();
  free_scopes_.push_back(entry);
}

bool SubscriptionTable::Allows(ScopeEntry& entry, const wire::EventView& event) {
  if (entry.asked_for != event_stamp_) {
    entry.asked_for = event_stamp_;
    entry.allows =
        entry.scope->live_sessions().load(std::memory_order_relaxed) > 0 &&
        (entry.scope->unlimited() || entry.scope->Covers(event.type, event.action, event.key));
  }
  return entry.allows;
}

bool SubscriptionTable::Passes(const Subscription& subscription, uint64_t sequence,
                               const wire::EventView& event, match::LazyObject& object) {
  return sequence > subscription.after && Allows(scopes_[subscription.scope_], event) &&
         (subscription.filter->conditions() == nullptr ||
          subscription.filter->conditions()->Hold(object));
}

absl::Span<const uint32_t> SubscriptionTable::Match(uint64_t sequence,
                                                    const wire::EventView& event) {
  index_.Match(event.type, event.action, event.key, &matched_);
  return KeepPassing(sequence, event);
}

absl::Span<const uint32_t> SubscriptionTable::KeepPassing(uint64_t sequence,
                                                          const wire::EventView& event) {
  ++event_stamp_;
  if (matched_.empty()) return {};
  match::LazyObject object(event.object);
  size_t kept = 0;
  for (uint32_t slot : matched_) {
    if (Passes(subscriptions_[slot], sequence, event, object)) matched_[kept++] = slot;
  }
  matched_.resize(kept);
  return matched_;
}

absl::Span<const uint32_t> SubscriptionTable::MatchFor(const Subscriber& subscriber,
                                                       uint64_t sequence,
                                                       const wire::EventView& event) {
  const auto& slots = subscriber.dispatcher_side.slots;
  if (slots.size() > kFewSubscriptions) {
    index_.Match(event.type, event.action, event.key, &matched_);
    std::erase_if(matched_,
                  [&](uint32_t slot) { return subscriptions_[slot].subscriber != &subscriber; });
    return KeepPassing(sequence, event);
  }
  ++event_stamp_;
  matched_.clear();
  match::LazyObject object(event.object);
  for (const auto& [id, slot] : slots) {
    const Subscription& subscription = subscriptions_[slot];
    if (subscription.filter->MatchesFields(event.type, event.action, event.key) &&
        Passes(subscription, sequence, event, object)) {
      matched_.push_back(slot);
    }
  }
  return matched_;
}

}  // namespace carillon::delivery
