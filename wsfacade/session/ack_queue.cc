#include "wsfacade/session/ack_queue.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

// What an entry costs beside its text.
constexpr size_t kAckOverheadBytes = 64;

size_t BytesOf(const AckQueue::Ack& ack) { return ack.text.size() + kAckOverheadBytes; }

}  // namespace

void AckQueue::Push(Ack ack) {
  if (acks_ == nullptr) acks_ = std::make_unique<Acks>();
  acks_->bytes += BytesOf(ack);
  if (ack.awaited != nullptr && !ack.repeats) acks_->awaited.insert(ack.awaited);
  acks_->queue.push_back(std::move(ack));
}

void AckQueue::TakeReady(absl::FunctionRef<void(const Ack&)> take) {
  if (acks_ == nullptr) return;
  while (!acks_->queue.empty()) {
    const Ack& first = acks_->queue.front();
    if (first.awaited != nullptr && !first.awaited->live) return;
    acks_->bytes -= BytesOf(first);
    if (!first.repeats) acks_->awaited.erase(first.awaited);
    take(first);
    acks_->queue.pop_front();
  }
  acks_.reset();
}

void AckQueue::Replace(const LocalSubscription* from, const LocalSubscription* to) {
  if (acks_ == nullptr) return;
  for (Ack& ack : acks_->queue) {
    if (ack.awaited == from) ack.awaited = to;
  }
  if (acks_->awaited.erase(from) > 0 && to != nullptr) acks_->awaited.insert(to);
}

void AckQueue::Fail(const LocalSubscription* subscription, const absl::Status& error) {
  if (acks_ == nullptr) return;
  for (Ack& ack : acks_->queue) {
    if (ack.awaited != subscription) continue;
    acks_->bytes -= BytesOf(ack);
    ack.awaited = nullptr;
    ack.error = error;
    ack.text = absl::StrCat("register ", ack.text);
    acks_->bytes += BytesOf(ack);
  }
  acks_->awaited.erase(subscription);
}

}  // namespace carillon::facade
