#include "broker/log/committer.h"

#include <chrono>
#include <utility>

namespace carillon::log {
namespace {

using Steady = std::chrono::steady_clock;

std::vector<NewEvent> EventsOf(const std::vector<CommitRequest>& requests, size_t count) {
  std::vector<NewEvent> events;
  events.reserve(count);
  for (const CommitRequest& request : requests) {
    const absl::string_view records = request.records;
    for (const CommitRequest::Event& event : request.events) {
      const absl::string_view record = records.substr(event.offset, event.size);
      events.push_back(
          {record, request.publisher, record.substr(record.size() - event.event_id_size)});
    }
  }
  return events;
}

// Answers each request with its share of the outcomes.
void Answer(const std::vector<CommitRequest>& requests, const absl::Status& status,
            absl::Span<const AppendOutcome> outcomes) {
  for (const CommitRequest& request : requests) {
    if (!status.ok()) {
      request.done(status, {});
      continue;
    }
    request.done(status, outcomes.subspan(0, request.events.size()));
    outcomes.remove_prefix(request.events.size());
  }
}

}  // namespace

size_t CommitRequest::bytes() const {
  return sizeof(CommitRequest) + publisher.size() + records.size() + events.size() * sizeof(Event);
}

Committer::Committer(EventLog* log, CommitterOptions options, Sink sink, CommitObserver* observer)
    : log_(log),
      options_(std::move(options)),
      sink_(std::move(sink)),
      observer_(observer),
      trimmer_(std::make_unique<Trimmer>(
          log, TrimmerOptions{options_.retention, options_.trim_interval, options_.clock},
          [observer](const absl::Status& status) {
            if (observer != nullptr) observer->OnTrimFailed(status);
          })),
      thread_([this] { Run(); }) {}

Committer::~Committer() { Shutdown(); }

SubmitVerdict Committer::Submit(CommitRequest&& request, std::function<void()> when_room) {
  const size_t bytes = request.bytes();
  absl::MutexLock lock(&mu_);
  if (closed_) return SubmitVerdict::kClosed;
  if (!HasRoomLocked(bytes)) {
    if (when_room != nullptr) waiters_.push_back({bytes, std::move(when_room)});
    return SubmitVerdict::kFull;
  }
  left_to_caller_ =
      MayLeaveToCallerLocked(bytes) && options_.when_idle([this] { CommitWhatWasLeft(); });
  queue_bytes_ += bytes;
  queue_.push_back(std::move(request));
  return left_to_caller_ ? SubmitVerdict::kWhenIdle : SubmitVerdict::kAccepted;
}

void Committer::CommitWhatWasLeft() {
  Group group;
  {
    absl::MutexLock lock(&mu_);
    if (!std::exchange(left_to_caller_, false)) return;
    log_taken_ = true;
    group = TakeGroupLocked();
  }
  Commit(std::move(group), CommitOn::kThisThread);
  YieldLog();
}

bool Committer::MayLeaveToCallerLocked(size_t bytes) const {
  return options_.when_idle != nullptr && bytes <= options_.inline_bytes_max && quiet_ &&
         !log_taken_ && queue_.empty();
}

void Committer::YieldLog() {
  absl::MutexLock lock(&mu_);
  log_taken_ = false;
}

void Committer::Shutdown() {
  absl::MutexLock join_lock(&join_mu_);
  {
    absl::MutexLock lock(&mu_);
    closed_ = true;
    left_to_caller_ = false;
  }
  if (thread_.joinable()) thread_.join();
  trimmer_.reset();
}

size_t Committer::queue_bytes() const {
  absl::MutexLock lock(&mu_);
  return queue_bytes_;
}

bool Committer::HasWorkLocked() const {
  return !log_taken_ && !left_to_caller_ && (closed_ || !queue_.empty());
}

bool Committer::HasRoomLocked(size_t bytes) const {
  return queue_bytes_ == 0 || queue_bytes_ + bytes <= options_.queue_bytes_max;
}

void Committer::Run() {
  Group group;
  while (NextGroup(&group)) {
    Commit(std::move(group), CommitOn::kOwnThread);
    YieldLog();
  }
  Release(0, absl::ZeroDuration());
}

bool Committer::NextGroup(Group* group) {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &Committer::HasWorkLocked));
  log_taken_ = true;
  *group = TakeGroupLocked();
  return !group->requests.empty();
}

Committer::Group Committer::TakeGroupLocked() {
  Group group;
  while (!queue_.empty()) {
    CommitRequest& next = queue_.front();
    const bool fits = group.bytes + next.bytes() <= options_.commit_bytes_max &&
                      group.events + next.events.size() <= options_.commit_events_max;
    if (!fits && !group.requests.empty()) break;
    group.bytes += next.bytes();
    group.events += next.events.size();
    group.requests.push_back(std::move(next));
    queue_.pop_front();
  }
  return group;
}

void Committer::Commit(Group group, CommitOn thread) {
  const std::vector<NewEvent> events = EventsOf(group.requests, group.events);
  std::vector<AppendOutcome> outcomes(events.size());
  std::vector<EventBlockPtr> committed;
  const Steady::time_point start = Steady::now();
  const absl::Status status =
      log_->Append(events, options_.clock(), absl::MakeSpan(outcomes), &committed);
  const absl::Duration latency = absl::FromChrono(Steady::now() - start);
  Answer(group.requests, status, outcomes);

  if (observer_ != nullptr) {
    CommitReport report;
    report.requests = group.requests.size();
    report.events = events.size();
    for (const NewEvent& event : events) report.record_bytes += event.record.size();
    for (const AppendOutcome& outcome : outcomes) report.duplicates += outcome.duplicate ? 1 : 0;
    report.latency = latency;
    report.thread = thread;
    report.status = status;
    observer_->OnCommit(report);
  }
  group.requests.clear();
  Release(group.bytes, latency);
  if (!status.ok() || log_->WantsTrimStep()) trimmer_->Wake();
  if (status.ok() && !committed.empty()) sink_(std::move(committed), thread);
}

void Committer::Release(size_t bytes, absl::Duration latency) {
  std::vector<Waiter> ready;
  {
    absl::MutexLock lock(&mu_);
    queue_bytes_ -= bytes;
    quiet_ = bytes <= options_.inline_bytes_max && latency <= options_.inline_latency_max &&
             queue_.empty() && waiters_.empty();
    size_t promised = 0;
    while (!waiters_.empty() && (closed_ || HasRoomLocked(promised + waiters_.front().bytes))) {
      promised += waiters_.front().bytes;
      ready.push_back(std::move(waiters_.front()));
      waiters_.pop_front();
    }
  }
  for (const Waiter& waiter : ready) waiter.when_room();
}

}  // namespace carillon::log
