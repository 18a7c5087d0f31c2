#include "src/retry.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "carillon/wire/error.h"

namespace carillon::client {

absl::Duration Backoff::Next(const absl::Status& failure, absl::Time now) {
  if (now - waited_until_ > max_) Reset();
  const absl::Duration asked = wire::RetryDelayOf(failure).value_or(absl::ZeroDuration());
  const absl::Duration wait = next_ * absl::Uniform(random_, 0.5, 1.0);
  next_ = std::min(next_ * 2, max_);
  const absl::Duration next = std::min(std::max(wait, asked), max_);
  waited_until_ = now + next;
  return next;
}

bool RenewedCredentials::MayMend(const absl::Status& failure) {
  return absl::IsUnauthenticated(failure) && can_be_renewed_ && !std::exchange(refused_, true);
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
