#include "tests/bench/load/fleet.h"

#include <utility>

#include "absl/strings/str_cat.h"

namespace carillon::bench {
namespace {

constexpr size_t kReadBytes = 256 << 10;
constexpr uint64_t kProbeIntervalNs = 5'000'000;
constexpr uint64_t kRetryAfterNs = 1'000'000'000;

}  // namespace

Fleet::Fleet(EventLoop* loop, FleetPlan plan)
    : plan_(std::move(plan)),
      stamps_(plan_.event_size),
      buffer_(kReadBytes),
      subscriber_plan_(plan_.subscriber),
      connecting_max_(plan_.connecting_max) {
  subscriber_plan_.buffer = absl::MakeSpan(buffer_);
  SubscriberOwner* const owner = this;
  for (int64_t i = 0; i < plan_.connections; ++i) {
    subscribers_.push_back(
        std::make_unique<Subscriber>(loop, &subscriber_plan_, owner, i, FiltersOf(i)));
    waiting_.push_back(subscribers_.back().get());
  }
}

std::vector<std::string> Fleet::FiltersOf(int64_t connection) const {
  std::vector<std::string> filters = {absl::StrCat(kEventType, ".*.*")};
  const int64_t offset = plan_.distinct_registrations ? connection * plan_.registrations : 0;
  for (int64_t i = 1; i < plan_.registrations; ++i) {
    filters.push_back(
        absl::StrCat("machines.save.6a1ed2c4-9d5f-4d8e-8e4c-", 100'000'000'000 + offset + i));
  }
  return filters;
}

absl::Status Fleet::Pump() {
  const uint64_t now = MonotonicNanos();
  if (probing_) {
    if (connecting_ == 0 && now >= probe_again_ns_) {
      probe_again_ns_ = now + kProbeIntervalNs;
      StartOne();
    }
    return fault_;
  }
  for (; !retries_.empty() && retries_.front().first <= now; retries_.pop_front()) {
    waiting_.push_back(retries_.front().second);
  }
  while (!expect_close_ && !waiting_.empty() && connecting_ < connecting_max_ && fault_.ok()) {
    StartOne();
  }
  return fault_;
}

void Fleet::StartOne() {
  Subscriber* const subscriber = waiting_.back();
  waiting_.pop_back();
  ++connecting_;
  subscriber->Start();
}

void Fleet::Reconnect() {
  connecting_max_ = plan_.connections;
  probing_ = true;
}

void Fleet::OnLive(Subscriber* /*subscriber*/) {
  --connecting_;
  ++live_;
  if (!probing_) return;
  probing_ = false;
  reconnected_ns_ = MonotonicNanos();
  expect_close_ = false;
}

void Fleet::OnClosed(Subscriber* subscriber, const absl::Status& why) {
  if (expect_close_ && !probing_) {
    waiting_.push_back(subscriber);
    --live_;
    return;
  }
  --connecting_;
  if (probing_) {
    waiting_.push_back(subscriber);
  } else if (reconnected_ns_ != 0) {
    ++failed_attempts_;
    retries_.emplace_back(MonotonicNanos() + kRetryAfterNs, subscriber);
  } else {
    fault_.Update(absl::Status(
        why.code(), absl::StrCat("connection ", subscriber->number(), ": ", why.message())));
  }
}

void Fleet::OnEvent(Subscriber* subscriber, absl::string_view text) {
  Stamp stamp;
  if (!stamps_.Read(text, &stamp)) {
    fault_.Update(absl::InternalError(absl::StrCat("not an event of this run: ", text)));
    return;
  }
  ++deliveries_;
  bytes_ += static_cast<int64_t>(text.size());
  if (stamp.number != subscriber->next_event) ++disorder_;
  subscriber->next_event = stamp.number + 1;
  if (stamp.number >= measure_from_) {
    latency_.Add(absl::Nanoseconds(static_cast<int64_t>(now_ns_ - stamp.sent_ns)));
  }
}

}  // namespace carillon::bench
