#include "src/subscriber_impl.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <utility>

#include "carillon/wire/error.h"

namespace carillon::client {
namespace {

// The first request of a stream removes a subscription of this id, which no stream has: its answer
// tells that the broker has let the stream in.
constexpr int64_t kNoSubscription = std::numeric_limits<int64_t>::max();

v1::SubscribeRequest MakeGreeting() {
  v1::SubscribeRequest greeting;
  greeting.mutable_remove()->add_subscription_ids(kNoSubscription);
  return greeting;
}

bool AnswersGreeting(const v1::SubscriptionsRemoved& removed) {
  return removed.subscription_ids_size() == 1 && removed.subscription_ids(0) == kNoSubscription;
}

}  // namespace

Subscriber::Impl::Impl(std::shared_ptr<Connection> connection, SubscriberOptions options,
                       SubscriberHandler* handler)
    : connection_(std::move(connection)),
      options_(std::move(options)),
      handler_(handler),
      start_(options_.start),
      backoff_(options_.backoff_min, options_.backoff_max) {}

void Subscriber::Impl::Start() {
  absl::MutexLock lock(&mu_);
  running_ = true;
  ScheduleConnectLocked(absl::ZeroDuration());
}

void Subscriber::Impl::Stop() {
  absl::MutexLock lock(&mu_);
  stopping_ = true;
  timer_.Cancel();
  if (stream_ != nullptr) stream_->Cancel();
  mu_.Await(absl::Condition(
      +[](bool* running) { return !*running; }, &running_));
}

absl::Status Subscriber::Impl::Enqueue(std::vector<v1::SubscribeRequest> requests) {
  size_t bytes = 0;
  for (const v1::SubscribeRequest& request : requests) bytes += request.ByteSizeLong();
  absl::MutexLock lock(&mu_);
  if (state_ != State::kPreparing && state_ != State::kDelivering) {
    return absl::UnavailableError("not connected to the broker");
  }
  if (pending_bytes_ + bytes > options_.pending_bytes_max) {
    return absl::ResourceExhaustedError(
        "too many requests wait to be written to the broker; try again later");
  }
  pending_bytes_ += bytes;
  for (v1::SubscribeRequest& request : requests) {
    const size_t size = request.ByteSizeLong();
    pending_.push_back({std::move(request), size});
  }
  WriteNextLocked();
  return absl::OkStatus();
}

std::string Subscriber::Impl::position() const {
  absl::MutexLock lock(&mu_);
  return start_.after();
}

void Subscriber::Impl::ScheduleConnectLocked(absl::Duration delay) {
  timer_.Set(delay, [this] { Connect(); });
  if (stopping_) timer_.Cancel();
}

void Subscriber::Impl::Connect() {
  absl::Status status;
  {
    absl::MutexLock lock(&mu_);
    if (stopping_) {
      running_ = false;
      return;
    }
    stream_ = std::make_unique<SubscribeStream>(this);
    status = stream_->Open(*connection_);
    if (status.ok()) {
      state_ = State::kOpening;
      writing_ = true;
      ++stream_number_;
      stream_->Write(MakeGreeting());
      return;
    }
    stream_.reset();
  }
  handler_->OnDisconnected(status);
  RetryAfter(status);
}

void Subscriber::Impl::RetryAfter(const absl::Status& failure) {
  absl::MutexLock lock(&mu_);
  ScheduleConnectLocked(backoff_.Next(failure));
}

bool Subscriber::Impl::OnResponse(EventBatchReader::Content content,
                                  const EventBatchReader& reader) {
  if (content == EventBatchReader::Content::kEvents) {
    HandOutEvents(reader);
    return true;
  }
  v1::SubscribeResponse response;
  return content == EventBatchReader::Content::kOther &&
         response.ParseFromArray(reader.bytes().data(), static_cast<int>(reader.bytes().size())) &&
         HandOut(response);
}

void Subscriber::Impl::HandOutEvents(const EventBatchReader& reader) {
  received_.clear();
  for (size_t i = 0; i < reader.events().size(); ++i) {
    received_.push_back({reader.events()[i], reader.MatchesOf(i)});
  }
  if (received_.empty()) return;
  HandOutEarlyAdded();
  handler_->OnEvents(received_);
  MoveTo(received_.back().event.position);
}

bool Subscriber::Impl::HandOut(const v1::SubscribeResponse& response) {
  switch (response.response_case()) {
    case v1::SubscribeResponse::kAdded:
      if (response.added().position().empty()) {
        early_added_.MergeFrom(response.added());
      } else {
        handler_->OnAdded(response.added());
      }
      break;
    case v1::SubscribeResponse::kRemoved:
      if (AnswersGreeting(response.removed())) {
        AnnounceStream();
      } else {
        handler_->OnRemoved(response.removed());
      }
      break;
    case v1::SubscribeResponse::kProgress:
      HandOutEarlyAdded();
      handler_->OnProgress(response.progress());
      MoveTo(response.progress().position());
      break;
    case v1::SubscribeResponse::kGap:
      HandOutEarlyAdded();
      handler_->OnGap(response.gap());
      MoveTo(response.gap().until());
      break;
    case v1::SubscribeResponse::kClosed:
      handler_->OnClosed(response.closed());
      break;
    case v1::SubscribeResponse::kSessionChange:
      handler_->OnSessionChange(response.session_change());
      break;
    case v1::SubscribeResponse::kEvents:
      return false;
    case v1::SubscribeResponse::RESPONSE_NOT_SET:
      // Something that a newer broker says.
      break;
  }
  return true;
}

void Subscriber::Impl::HandOutEarlyAdded() {
  if (early_added_.subscription_ids().empty()) return;
  handler_->OnAdded(early_added_);
  early_added_.Clear();
}

void Subscriber::Impl::MoveTo(absl::string_view position) {
  absl::MutexLock lock(&mu_);
  if (position.empty() || position == start_.after()) return;
  start_.mutable_after()->assign(position.data(), position.size());
  // This stream delivers.
  backoff_.Reset();
}

void Subscriber::Impl::AnnounceStream() {
  uint64_t number;
  {
    absl::MutexLock lock(&mu_);
    if (state_ != State::kOpening) return;
    state_ = State::kPreparing;
    number = stream_number_;
  }
  early_added_.Clear();
  handler_->OnConnected(
      [weak = weak_from_this(), number](std::vector<v1::Subscription> subscriptions) {
        if (auto self = weak.lock()) self->BeginDelivery(number, std::move(subscriptions));
      });
}

void Subscriber::Impl::BeginDelivery(uint64_t stream_number,
                                     std::vector<v1::Subscription> subscriptions) {
  std::vector<v1::SubscribeRequest> requests = MakeAddRequests(std::move(subscriptions));
  absl::MutexLock lock(&mu_);
  if (state_ != State::kPreparing || stream_number != stream_number_) return;
  state_ = State::kDelivering;
  *requests.emplace_back().mutable_start()->mutable_start() = start_;
  std::deque<Pending> first;
  for (v1::SubscribeRequest& request : requests) first.push_back({std::move(request)});
  pending_.insert(pending_.begin(), std::make_move_iterator(first.begin()),
                  std::make_move_iterator(first.end()));
  WriteNextLocked();
}

void Subscriber::Impl::WriteNextLocked() {
  if (writing_ || state_ != State::kDelivering || pending_.empty()) return;
  writing_ = true;
  pending_bytes_ -= pending_.front().bytes;
  stream_->Write(std::move(pending_.front().request));
  pending_.pop_front();
}

void Subscriber::Impl::OnWriteDone(bool ok) {
  absl::MutexLock lock(&mu_);
  writing_ = false;
  if (ok) WriteNextLocked();
}

void Subscriber::Impl::OnReadsOver() {
  absl::MutexLock lock(&mu_);
  state_ = State::kDown;
  pending_.clear();
  pending_bytes_ = 0;
}

void Subscriber::Impl::OnStreamDone(const absl::Status& status) {
  std::unique_ptr<SubscribeStream> stream;
  bool stopping;
  {
    absl::MutexLock lock(&mu_);
    stream = std::move(stream_);
    writing_ = false;
    stopping = stopping_;
  }
  stream.reset();
  if (!stopping) {
    handler_->OnDisconnected(status);
    if (const auto skip = SkipOf(status); skip.has_value()) {
      handler_->OnGap(skip->gap);
      absl::MutexLock lock(&mu_);
      start_ = skip->next;
    }
  }
  RetryAfter(status);
}

std::optional<Subscriber::Impl::Skip> Subscriber::Impl::SkipOf(const absl::Status& failure) const {
  const std::optional<google::rpc::ErrorInfo> info = wire::ErrorInfoOf(failure);
  if (!info.has_value()) return std::nullopt;
  Skip skip;
  skip.gap.set_after(position());
  if (absl::IsOutOfRange(failure) && info->reason() == "POSITION_TRIMMED") {
    const auto earliest = info->metadata().find("earliest");
    if (earliest == info->metadata().end()) {
      skip.next.set_earliest(true);
    } else {
      skip.next.set_after(earliest->second);
    }
    skip.gap.set_until(skip.next.after());
    skip.gap.set_reason(v1::Gap::REASON_RETENTION);
    return skip;
  }
  if (absl::IsInvalidArgument(failure) && info->reason() == "POSITION_INVALID") return skip;
  return std::nullopt;
}

}  // namespace carillon::client
