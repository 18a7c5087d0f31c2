#include "broker/service/publish_call.h"

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/ingest/check_batch.h"
#include "broker/service/event_call_auth.h"
#include "carillon/wire/error.h"

namespace carillon::service {
namespace {

// The bytes of a message in one piece: in place if they are, else copied to `copy`.
absl::string_view Flatten(const grpc::ByteBuffer& buffer, grpc::Slice* slice) {
  if (!buffer.TrySingleSlice(slice).ok()) buffer.DumpToSingleSlice(slice);
  return absl::string_view(reinterpret_cast<const char*>(slice->begin()), slice->size());
}

grpc::ByteBuffer ToByteBuffer(const std::string& bytes) {
  const grpc::Slice slice(bytes);
  return grpc::ByteBuffer(&slice, 1);
}

void CountRefused(const BatchVerdict& verdict, PublishMetrics* metrics) {
  for (const ingest::CheckedBatch::Refused& refused : verdict.refused) {
    if (absl::IsPermissionDenied(refused.status)) {
      ++metrics->events_denied;
    } else {
      ++metrics->events_invalid;
    }
  }
}

void CountCommitted(const BatchVerdict& verdict, const absl::Status& status,
                    absl::Span<const log::AppendOutcome> outcomes, PublishMetrics* metrics) {
  if (!status.ok()) {
    metrics->events_not_committed += static_cast<int64_t>(verdict.accepted.size());
    return;
  }
  int64_t duplicates = 0;
  for (const log::AppendOutcome& outcome : outcomes) duplicates += outcome.duplicate ? 1 : 0;
  metrics->events_duplicate += duplicates;
  metrics->events_committed += static_cast<int64_t>(outcomes.size()) - duplicates;
}

// Checks a request; what is accepted is ready to be committed but for its `done`.
absl::StatusOr<log::CommitRequest> Check(absl::string_view request, const std::string& caller,
                                         const access::Scope& scope, const CallContext& context,
                                         BatchVerdict* verdict) {
  absl::StatusOr<ingest::CheckedBatch> checked =
      ingest::CheckBatch(request, caller, scope, context.publish_limits.ingest, absl::Now());
  if (!checked.ok()) return checked.status();
  context.publish_metrics->events_received += static_cast<int64_t>(checked->event_count());
  log::CommitRequest commit;
  commit.publisher = caller;
  commit.records = std::move(checked->records);
  commit.events.reserve(checked->accepted.size());
  for (const ingest::CheckedBatch::Accepted& event : checked->accepted) {
    commit.events.push_back({event.offset, event.size, event.event_id_size});
  }
  verdict->accepted = std::move(checked->accepted);
  verdict->refused = std::move(checked->refused);
  CountRefused(*verdict, context.publish_metrics);
  return commit;
}

absl::Status ShuttingDown() {
  return wire::WithRetry(wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                                     "the broker is shutting down; try again"),
                         absl::Seconds(1));
}

absl::Status CommitQueueFull() {
  return wire::WithRetry(
      wire::Error(absl::StatusCode::kResourceExhausted, "COMMIT_QUEUE_FULL",
                  "too many events await their commit; nothing of this batch was taken; try again"),
      absl::Milliseconds(100));
}

}  // namespace

// --- Publish ---

PublishCall::PublishCall(grpc::CallbackServerContext* context, const CallContext* call_context,
                         const grpc::ByteBuffer* request, grpc::ByteBuffer* response)
    : call_context_(call_context), request_(request), response_(response) {
  AuthenticateEventCall(
      context, *call_context, "carillon.v1.EventService/Publish",
      [this](const absl::StatusOr<access::Identity>& identity) { Begin(identity); });
}

void PublishCall::Begin(const absl::StatusOr<access::Identity>& identity) {
  if (!identity.ok()) return Finish(wire::ToGrpcStatus(identity.status()));
  grpc::Slice slice;
  absl::StatusOr<log::CommitRequest> commit =
      Check(Flatten(*request_, &slice), identity->principal(), *identity->scope, *call_context_,
            &verdict_);
  if (!commit.ok()) return Finish(wire::ToGrpcStatus(commit.status()));
  const uint32_t epoch = call_context_->log->epoch();
  if (commit->events.empty()) {
    *response_ = ToByteBuffer(EncodePublishResults(verdict_, absl::OkStatus(), {}, epoch));
    verdict_ = {};
    return Finish(grpc::Status::OK);
  }
  commit->done = [this, epoch](const absl::Status& status,
                               absl::Span<const log::AppendOutcome> outcomes) {
    CountCommitted(verdict_, status, outcomes, call_context_->publish_metrics);
    *response_ = ToByteBuffer(EncodePublishResults(verdict_, status, outcomes, epoch));
    verdict_ = {};
    Finish(grpc::Status::OK);
  };
  switch (call_context_->committer->Submit(*std::move(commit), nullptr)) {
    case log::SubmitVerdict::kAccepted:
    case log::SubmitVerdict::kWhenIdle:
      return;
    case log::SubmitVerdict::kFull:
      return Finish(wire::ToGrpcStatus(CommitQueueFull()));
    case log::SubmitVerdict::kClosed:
      return Finish(wire::ToGrpcStatus(ShuttingDown()));
  }
}

void PublishCall::OnDone() {
  call_context_->active_calls->Leave(nullptr, nullptr);
  delete this;
}

// --- PublishStream ---

PublishStreamCall::PublishStreamCall(grpc::CallbackServerContext* context,
                                     const CallContext* call_context)
    : call_context_(call_context) {
  call_context_->active_calls->Enter(this);
  OpenCallSession(context, *call_context_, "carillon.v1.EventService/PublishStream",
                  [this](absl::StatusOr<access::SessionPtr> session) {
                    const absl::Status begun = Begin(std::move(session));
                    Update([this, &begun]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
                      if (!begun.ok() && !end_.has_value()) end_ = begun;
                      open_ = true;
                      handling_ = false;
                    });
                  });
}

absl::Status PublishStreamCall::Begin(absl::StatusOr<access::SessionPtr> session) {
  if (!session.ok()) return session.status();
  if (!call_context_->publish_places->Take((*session)->principal())) {
    return wire::WithRetry(
        wire::Error(
            absl::StatusCode::kResourceExhausted, "PUBLISH_STREAMS_MAX",
            absl::StrCat("the broker serves at most ", call_context_->publish_limits.streams_max,
                         " publish streams at a time, of which one user cannot take all; "
                         "share one, or try again later")),
        absl::Seconds(1));
  }
  ++call_context_->publish_metrics->streams;
  session_ = *std::move(session);
  call_context_->active_calls->SetSession(this, *session_);
  return absl::OkStatus();
}

void PublishStreamCall::OnReadDone(bool ok) {
  if (!ok) {
    return Update([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      reading_ = false;
      half_closed_ = true;
    });
  }
  {
    absl::MutexLock lock(&mu_);
    // It came while the call was ended; nobody would wait for what it begins.
    if (finished_) return;
    handling_ = true;
  }
  const absl::Status handled = Handle();
  if (!handled.ok()) {
    Update([this, &handled]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      if (!end_.has_value()) end_ = handled;
      reading_ = handling_ = false;
    });
  }
}

absl::Status PublishStreamCall::Handle() {
  const access::ScopePtr scope = session_->scope();
  if (scope == nullptr) return session_->end();
  Pending pending;
  {
    grpc::Slice slice;
    absl::StatusOr<log::CommitRequest> commit = Check(
        Flatten(request_, &slice), session_->principal(), *scope, *call_context_, &pending.verdict);
    if (!commit.ok()) return commit.status();
    pending.commit = *std::move(commit);
  }
  request_.Clear();
  pending.bytes = pending.commit.bytes() + pending.verdict.bytes();
  if (pending.commit.events.empty()) {
    pending.answer =
        EncodePublishResults(pending.verdict, absl::OkStatus(), {}, call_context_->log->epoch());
    pending.verdict = {};
    Update([this, &pending]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      pending_bytes_ += pending.bytes;
      pending_.push_back(std::move(pending));
      reading_ = handling_ = false;
    });
    return absl::OkStatus();
  }
  Pending* placed;
  {
    absl::MutexLock lock(&mu_);
    pending_bytes_ += pending.bytes;
    placed = &pending_.emplace_back(std::move(pending));
    ++commits_;
  }
  placed->commit.done = [this, placed](const absl::Status& status,
                                       absl::Span<const log::AppendOutcome> outcomes) {
    OnCommitted(placed, status, outcomes);
  };
  Submit(placed);
  return absl::OkStatus();
}

// After kFull nothing here may be touched: another thread goes on.
void PublishStreamCall::Submit(Pending* pending) {
  const log::SubmitVerdict verdict = call_context_->committer->Submit(
      std::move(pending->commit), [this, pending] { Submit(pending); });
  if (verdict == log::SubmitVerdict::kFull) return;
  if (verdict == log::SubmitVerdict::kClosed) OnCommitted(pending, ShuttingDown(), {});
  Update([this, verdict]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (verdict == log::SubmitVerdict::kClosed && !end_.has_value()) end_ = ShuttingDown();
    reads_after_answer_ = verdict == log::SubmitVerdict::kWhenIdle && commits_ > 0;
    reading_ = reads_after_answer_;
    handling_ = false;
  });
}

void PublishStreamCall::OnCommitted(Pending* pending, const absl::Status& status,
                                    absl::Span<const log::AppendOutcome> outcomes) {
  CountCommitted(pending->verdict, status, outcomes, call_context_->publish_metrics);
  std::string answer =
      EncodePublishResults(pending->verdict, status, outcomes, call_context_->log->epoch());
  pending->verdict = {};
  Update([this, pending, &answer]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    pending->answer = std::move(answer);
    --commits_;
  });
}

void PublishStreamCall::OnWriteDone(bool ok) {
  Update([this, ok]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    writing_ = false;
    if (std::exchange(reads_after_answer_, false)) reading_ = false;
    cancelled_ = cancelled_ || !ok;
  });
}

void PublishStreamCall::OnCancel() {
  Update([this]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { cancelled_ = true; });
}

void PublishStreamCall::EndWith(const absl::Status& status) {
  Update([this, &status]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    if (!end_.has_value()) end_ = status;
  });
}

template <typename Change>
void PublishStreamCall::Update(Change change) {
  std::optional<grpc::Status> finish;
  {
    absl::MutexLock lock(&mu_);
    change();
    finish = DriveLocked();
  }
  // Outside of the lock: once it is called, another thread may delete this.
  if (finish.has_value()) Finish(*finish);
}

std::optional<grpc::Status> PublishStreamCall::DriveLocked() {
  if (finished_) return std::nullopt;
  if (cancelled_ && commits_ == 0) pending_.clear();
  if (!writing_ && !cancelled_ && !pending_.empty() && pending_.front().answer.has_value()) {
    response_ = ToByteBuffer(*pending_.front().answer);
    pending_bytes_ -= pending_.front().bytes;
    pending_.pop_front();
    writing_ = true;
    StartWrite(&response_);
  }
  const bool over = half_closed_ || cancelled_ || end_.has_value();
  if (!over) {
    if (open_ && !reading_ && pending_bytes_ < call_context_->publish_limits.stream_bytes_max) {
      reading_ = true;
      StartRead(&request_);
    }
    return std::nullopt;
  }
  if (handling_ || commits_ > 0 || writing_ || !pending_.empty()) return std::nullopt;
  finished_ = true;
  if (cancelled_) return grpc::Status::CANCELLED;
  return wire::ToGrpcStatus(end_.value_or(absl::OkStatus()));
}

void PublishStreamCall::OnDone() {
  if (session_ != nullptr) {
    --call_context_->publish_metrics->streams;
    call_context_->publish_places->Leave(session_->principal());
  }
  call_context_->active_calls->Leave(this, session_.get());
  delete this;
}

}  // namespace carillon::service
