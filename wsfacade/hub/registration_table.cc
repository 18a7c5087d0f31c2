#include "wsfacade/hub/registration_table.h"

namespace carillon::facade {

RegistrationTable::RegistrationTable(UpstreamSource* source) : source_(source) {}

RegistrationTable::~RegistrationTable() = default;

LocalSubscription* RegistrationTable::Find(const ScopePtr& scope, absl::string_view filter) {
  auto found = by_key_.find(Key(scope.get(), filter));
  return found == by_key_.end() ? nullptr : found->second;
}

LocalSubscription* RegistrationTable::FindOf(const Registrant& registrant, const ScopePtr& scope,
                                             absl::string_view filter) {
  LocalSubscription* subscription = Find(scope, filter);
  if (subscription == nullptr || IndexOf(registrant, *subscription) < 0) return nullptr;
  return subscription;
}

int64_t RegistrationTable::IndexOf(const Registrant& registrant,
                                   const LocalSubscription& subscription) {
  const std::vector<Registration>& registrations = registrant.registrations_;
  // The shorter list tells.
  if (subscription.members.size() < registrations.size()) {
    for (const LocalSubscription::Member& member : subscription.members) {
      if (member.registrant == &registrant) return member.index;
    }
    return -1;
  }
  for (size_t i = 0; i < registrations.size(); ++i) {
    if (registrations[i].subscription == &subscription) return static_cast<int64_t>(i);
  }
  return -1;
}

LocalSubscription* RegistrationTable::Register(Registrant* registrant, const ScopePtr& scope,
                                               absl::string_view filter) {
  LocalSubscription* subscription = Find(scope, filter);
  if (subscription == nullptr) {
    auto made = std::make_unique<LocalSubscription>();
    subscription = made.get();
    subscription->upstream = source_->Acquire(scope, filter);
    subscription->scope = scope;
    subscription->filter = subscription->upstream->filter;
    by_key_.emplace(Key(scope.get(), subscription->filter), subscription);
    by_serial_.emplace(subscription->upstream->serial, std::move(made));
  }
  const uint32_t index = static_cast<uint32_t>(subscription->members.size());
  subscription->members.push_back(
      {registrant, static_cast<uint32_t>(registrant->registrations_.size())});
  registrant->registrations_.push_back({subscription, index});
  ++registration_count_;
  return subscription;
}

void RegistrationTable::RemoveMember(LocalSubscription* subscription, uint32_t index) {
  std::vector<LocalSubscription::Member>& members = subscription->members;
  if (index + 1 != members.size()) {
    const LocalSubscription::Member last = members.back();
    members[index] = last;
    last.registrant->registrations_[last.index].index = index;
  }
  members.pop_back();
  --registration_count_;
  if (!members.empty()) return;
  UpstreamSubscription* upstream = subscription->upstream;
  if (subscription->live) by_id_[upstream->id] = nullptr;
  if (!subscription->refused) {
    by_key_.erase(Key(subscription->scope.get(), subscription->filter));
  }
  by_serial_.erase(upstream->serial);
  source_->Release(upstream);
}

void RegistrationTable::Deregister(Registrant* registrant, LocalSubscription* subscription) {
  const int64_t place = IndexOf(*registrant, *subscription);
  if (place < 0) return;
  std::vector<Registration>& registrations = registrant->registrations_;
  const uint32_t index = registrations[place].index;
  const Registration last = registrations.back();
  registrations[place] = last;
  last.subscription->members[last.index].index = static_cast<uint32_t>(place);
  registrations.pop_back();
  if (registrations.empty()) registrations.shrink_to_fit();
  RemoveMember(subscription, index);
}

void RegistrationTable::DeregisterAll(Registrant* registrant) {
  while (!registrant->registrations_.empty()) {
    const Registration last = registrant->registrations_.back();
    RemoveMember(last.subscription, last.index);
    registrant->registrations_.pop_back();
  }
  registrant->registrations_.shrink_to_fit();
}

void RegistrationTable::SetLive(uint64_t serial) {
  LocalSubscription* subscription = FindSerial(serial);
  if (subscription == nullptr || subscription->live) return;
  subscription->live = true;
  const size_t id = static_cast<size_t>(subscription->upstream->id);
  if (id >= by_id_.size()) by_id_.resize(id + 1);
  by_id_[id] = subscription;
  for (const LocalSubscription::Member& member : subscription->members) {
    member.registrant->OnLive();
  }
}

void RegistrationTable::Interrupt(uint64_t serial) {
  LocalSubscription* subscription = FindSerial(serial);
  if (subscription == nullptr || !std::exchange(subscription->live, false)) return;
  by_id_[subscription->upstream->id] = nullptr;
  for (const LocalSubscription::Member& member : subscription->members) {
    member.registrant->OnInterrupted();
  }
}

size_t RegistrationTable::Deliver(absl::Span<const int64_t> ids, const SharedBytesPtr& frames,
                                  uint32_t begin, uint32_t end) {
  ++stamp_;
  size_t count = 0;
  for (int64_t id : ids) {
    if (id < 0 || id >= static_cast<int64_t>(by_id_.size()) || by_id_[id] == nullptr) continue;
    for (const LocalSubscription::Member& member : by_id_[id]->members) {
      Registrant* const registrant = member.registrant;
      if (std::exchange(registrant->stamp_, stamp_) == stamp_) continue;
      count += registrant->OnEvent(frames, begin, end) ? 1 : 0;
    }
  }
  return count;
}

void RegistrationTable::Refuse(uint64_t serial, const absl::Status& why) {
  LocalSubscription* subscription = FindSerial(serial);
  if (subscription == nullptr) return;
  subscription->refused = true;
  if (std::exchange(subscription->live, false)) by_id_[subscription->upstream->id] = nullptr;
  by_key_.erase(Key(subscription->scope.get(), subscription->filter));
  for (const LocalSubscription::Member& member : subscription->members) {
    member.registrant->OnRefused(subscription, why);
  }
}

void RegistrationTable::LoseAll(absl::string_view why) {
  for (const auto& [key, subscription] : by_key_) {
    for (const LocalSubscription::Member& member : subscription->members) {
      member.registrant->OnLost(why);
    }
  }
}

LocalSubscription* RegistrationTable::FindSerial(uint64_t serial) {
  auto found = by_serial_.find(serial);
  return found == by_serial_.end() ? nullptr : found->second.get();
}

}  // namespace carillon::facade
