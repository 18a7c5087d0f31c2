#include "src/publisher_impl.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "carillon/wire/error.h"

namespace carillon::client {
namespace {

bool MayPass(const absl::Status& failure) {
  return absl::IsUnavailable(failure) || wire::RetryDelayOf(failure).has_value();
}

}  // namespace

Publisher::Impl::Impl(std::shared_ptr<Connection> connection, PublisherOptions options)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      backoff_(options_.backoff_min, options_.backoff_max) {}

bool Publisher::Impl::HasRoomLocked(size_t bytes) const {
  return batches_.empty() || window_bytes_ + bytes <= options_.window_bytes_max;
}

void Publisher::Impl::Publish(v1::PublishStreamRequest request, Callback done) {
  if (options_.retry_for > absl::ZeroDuration()) {
    for (v1::Event& event : *request.mutable_events()) {
      if (event.event_id().empty()) event.set_event_id(event_ids_.Next());
    }
  }
  const size_t bytes = request.ByteSizeLong();
  auto shared = std::make_shared<const v1::PublishStreamRequest>(std::move(request));
  absl::MutexLock lock(&mu_);
  const auto has_room = [this, bytes]()
                            ABSL_SHARED_LOCKS_REQUIRED(mu_) { return HasRoomLocked(bytes); };
  mu_.Await(absl::Condition(&has_room));
  window_bytes_ += bytes;
  batches_.push_back({std::move(shared), bytes, std::move(done)});
  if (state_ == State::kIdle) ScheduleConnectLocked(absl::ZeroDuration());
  DriveLocked();
}

absl::Status Publisher::Impl::Finish() {
  absl::MutexLock lock(&mu_);
  finishing_ = true;
  DriveLocked();
  const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return state_ == State::kIdle; };
  mu_.Await(absl::Condition(&idle));
  finishing_ = false;
  return first_error_;
}

void Publisher::Impl::Stop() {
  absl::MutexLock lock(&mu_);
  stopping_ = true;
  timer_.Cancel();
  if (stream_ != nullptr) stream_->Cancel();
  const auto idle = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return state_ == State::kIdle; };
  mu_.Await(absl::Condition(&idle));
}

void Publisher::Impl::ScheduleConnectLocked(absl::Duration delay) {
  state_ = State::kWaiting;
  timer_.Set(delay, [this] { Connect(); });
  if (stopping_) timer_.Cancel();
}

void Publisher::Impl::Connect() {
  absl::Status status;
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) {
      status = absl::CancelledError();
    } else if (HasFailedForGoodLocked()) {
      status = first_error_;
    } else {
      stream_ = std::make_unique<PublishStreamCall>(this);
      status = stream_->Open(*connection_);
    }
    if (status.ok()) {
      state_ = State::kOpen;
      half_closed_ = false;
      written_ = 0;
      DriveLocked();
      return;
    }
    state_ = State::kEnding;
    stream_.reset();
  }
  OnFailure(status);
}

void Publisher::Impl::DriveLocked() {
  if (state_ != State::kOpen || writing_ || half_closed_) return;
  if (written_ < batches_.size()) {
    writing_ = true;
    stream_->Write(batches_[written_++].request);
  } else if (finishing_ && batches_.empty()) {
    half_closed_ = true;
    stream_->HalfClose();
  }
}

absl::Status Publisher::Impl::OnAnswer(v1::PublishStreamResponse answer) {
  Batch batch;
  {
    absl::MutexLock lock(&mu_);
    if (written_ == 0) return absl::InternalError("the broker answered a batch that was not sent");
    if (answer.results_size() != batches_.front().request->events_size()) {
      return absl::InternalError(absl::StrCat("the broker answered ", answer.results_size(),
                                              " results to a batch of ",
                                              batches_.front().request->events_size(), " events"));
    }
    batch = std::move(batches_.front());
    batches_.pop_front();
    --written_;
    window_bytes_ -= batch.bytes;
    give_up_.reset();
    backoff_.Reset();
    renewed_.WereAccepted();
  }
  batch.done(std::move(answer));
  absl::MutexLock lock(&mu_);
  DriveLocked();
  return absl::OkStatus();
}

void Publisher::Impl::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mu_);
  writing_ = false;
  if (ok) DriveLocked();
}

void Publisher::Impl::OnReadsOver() {
  absl::MutexLock lock(&mu_);
  state_ = State::kEnding;
}

void Publisher::Impl::OnStreamDone(const absl::Status& status) {
  std::unique_ptr<PublishStreamCall> stream;
  {
    absl::MutexLock lock(&mu_);
    stream = std::move(stream_);
    writing_ = false;
  }
  stream.reset();
  OnFailure(WhyStreamEnded(status));
}

std::optional<absl::Duration> Publisher::Impl::RetryDelayLocked(const absl::Status& failure) {
  const bool retries = options_.retry_for > absl::ZeroDuration();
  if (stopping_ || HasFailedForGoodLocked() || !retries ||
      !(MayPass(failure) || renewed_.MayMend(failure))) {
    return std::nullopt;
  }
  const absl::Time now = absl::Now();
  if (!give_up_.has_value()) give_up_ = now + options_.retry_for;
  if (now >= *give_up_) return std::nullopt;
  return std::min(backoff_.Next(failure, now), *give_up_ - now);
}

void Publisher::Impl::OnFailure(const absl::Status& failure) {
  std::deque<Batch> failed;
  absl::Status reason = failure;
  {
    absl::MutexLock lock(&mu_);
    if (batches_.empty()) {
      state_ = State::kIdle;
      return;
    }
    const std::optional<absl::Duration> delay = RetryDelayLocked(failure);
    if (delay.has_value()) return ScheduleConnectLocked(*delay);
    if (stopping_) {
      reason = absl::CancelledError("the publisher was destroyed before the broker answered");
    } else if (!HasFailedForGoodLocked() && MayPass(failure) &&
               options_.retry_for > absl::ZeroDuration()) {
      reason = absl::UnavailableError(absl::StrCat(
          "gave up after ", absl::FormatDuration(options_.retry_for), ": ", failure.message()));
    }
    first_error_.Update(reason);
    give_up_.reset();
    backoff_.Reset();
    failed.swap(batches_);
    window_bytes_ = 0;
  }
  for (const Batch& batch : failed) batch.done(reason);
  // What the callbacks hold goes before Finish or Stop returns.
  failed.clear();
  absl::MutexLock lock(&mu_);
  // What was published meanwhile starts anew.
  state_ = State::kIdle;
  if (!batches_.empty()) ScheduleConnectLocked(absl::ZeroDuration());
}

}  // namespace carillon::client
