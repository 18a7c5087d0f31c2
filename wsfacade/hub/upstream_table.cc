#include "wsfacade/hub/upstream_table.h"

namespace carillon::facade {

using State = UpstreamSubscription::State;

UpstreamSubscription* UpstreamTable::Acquire(const ScopePtr& scope, absl::string_view filter,
                                             int thread) {
  UpstreamSubscription* subscription;
  if (auto found = by_key_.find(Key(scope.get(), filter)); found != by_key_.end()) {
    subscription = found->second;
  } else {
    int64_t id = static_cast<int64_t>(by_id_.size());
    if (free_ids_.empty()) {
      by_id_.emplace_back();
    } else {
      id = free_ids_.back();
      free_ids_.pop_back();
    }
    by_id_[id].reset(new UpstreamSubscription{
        .id = id, .serial = next_serial_++, .scope = scope, .filter = std::string(filter)});
    subscription = by_id_[id].get();
    by_key_.emplace(Key(scope.get(), subscription->filter), subscription);
    queued_.push_back(id);
  }
  subscription->users |= uint64_t{1} << thread;
  return subscription;
}

void UpstreamTable::Release(UpstreamSubscription* subscription, int thread) {
  const uint64_t others = ~(uint64_t{1} << thread);
  subscription->users &= others;
  subscription->told &= others;
  if (subscription->users != 0) return;
  if (subscription->state == State::kRefused) return Free(subscription);
  by_key_.erase(Key(subscription->scope.get(), subscription->filter));
  if (subscription->state == State::kQueued) return Free(subscription);
  subscription->state = State::kRemoving;
  removes_.push_back(subscription->id);
}

void UpstreamTable::Free(UpstreamSubscription* subscription) {
  const int64_t id = subscription->id;
  by_id_[id] = nullptr;
  free_ids_.push_back(id);
}

std::vector<UpstreamSubscription*> UpstreamTable::TakeAdds(size_t max, size_t bytes_max) {
  std::vector<UpstreamSubscription*> adds;
  if (!adds_in_flight_.empty()) return adds;
  size_t bytes = 0;
  while (!queued_.empty() && adds.size() < max && bytes < bytes_max) {
    UpstreamSubscription* subscription = by_id_[queued_.front()].get();
    queued_.pop_front();
    if (subscription == nullptr || subscription->state != State::kQueued) continue;
    subscription->state = State::kSent;
    adds_in_flight_.insert(subscription->id);
    adds.push_back(subscription);
    bytes += subscription->filter.size();
  }
  return adds;
}

std::vector<int64_t> UpstreamTable::TakeRemoves(size_t max) {
  std::vector<int64_t> removes;
  if (!removes_in_flight_.empty()) return removes;
  while (!removes_.empty() && removes.size() < max) {
    removes.push_back(removes_.front());
    removes_in_flight_.insert(removes_.front());
    removes_.pop_front();
  }
  return removes;
}

UpstreamSubscription* UpstreamTable::OnAdded(int64_t id) {
  UpstreamSubscription* subscription = OnClosed(id);
  if (subscription != nullptr) subscription->state = State::kLive;
  return subscription;
}

UpstreamSubscription* UpstreamTable::OnClosed(int64_t id) {
  adds_in_flight_.erase(id);
  if (id < 1 || id >= static_cast<int64_t>(by_id_.size())) return nullptr;
  UpstreamSubscription* subscription = by_id_[id].get();
  const bool told = subscription != nullptr &&
                    (subscription->state == State::kSent || subscription->state == State::kLive);
  return told ? subscription : nullptr;
}

void UpstreamTable::OnRemoved(int64_t id) {
  removes_in_flight_.erase(id);
  if (id < 1 || id >= static_cast<int64_t>(by_id_.size()) || by_id_[id] == nullptr) return;
  if (by_id_[id]->state == State::kRemoving) Free(by_id_[id].get());
}

void UpstreamTable::Refuse(UpstreamSubscription* subscription) {
  adds_in_flight_.erase(subscription->id);
  subscription->state = State::kRefused;
  by_key_.erase(Key(subscription->scope.get(), subscription->filter));
}

void UpstreamTable::Requeue(UpstreamSubscription* subscription) {
  adds_in_flight_.erase(subscription->id);
  subscription->state = State::kQueued;
  queued_.push_back(subscription->id);
}

void UpstreamTable::Restart() {
  adds_in_flight_.clear();
  removes_in_flight_.clear();
  removes_.clear();
  queued_.clear();
  for (std::unique_ptr<UpstreamSubscription>& subscription : by_id_) {
    if (subscription == nullptr || subscription->state == State::kRefused) continue;
    if (subscription->state == State::kRemoving) {
      Free(subscription.get());
      continue;
    }
    subscription->state = State::kQueued;
    queued_.push_back(subscription->id);
  }
}

}  // namespace carillon::facade
