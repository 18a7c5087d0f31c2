#include "src/retry.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "absl/time/clock.h"
#include "carillon/wire/error.h"

namespace carillon::client {

absl::Duration Backoff::Next(const absl::Status& failure) {
  const absl::Duration asked = wire::RetryDelayOf(failure).value_or(absl::ZeroDuration());
  const absl::Duration wait = next_ * absl::Uniform(random_, 0.5, 1.0);
  next_ = std::min(next_ * 2, max_);
  return std::min(std::max(wait, asked), max_);
}

void Timer::Set(absl::Duration delay, std::function<void()> run) {
  alarm_ = std::make_unique<grpc::Alarm>();
  alarm_->Set(absl::ToChronoTime(absl::Now() + delay), [run = std::move(run)](bool) { run(); });
}

void Timer::Cancel() {
  if (alarm_ != nullptr) alarm_->Cancel();
}

absl::Status WhyStreamEnded(const absl::Status& status) {
  return status.ok() ? absl::UnavailableError("the broker ended the stream") : status;
}

}  // namespace carillon::client
