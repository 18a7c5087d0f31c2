// What stands around a committer in its tests.
#ifndef CARILLON_TESTS_UNIT_LOG_COMMITTER_DOUBLES_H_
#define CARILLON_TESTS_UNIT_LOG_COMMITTER_DOUBLES_H_

#include <atomic>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "broker/log/committer.h"
#include "tests/unit/log/memory_event_log.h"

namespace carillon::log {

// A log whose appends wait while the test holds it, and fail when the test says so.
class HeldLog : public MemoryEventLog {
 public:
  HeldLog() : MemoryEventLog(7) {}

  absl::Status Append(absl::Span<const NewEvent> events, absl::Time now,
                      absl::Span<AppendOutcome> outcomes,
                      std::vector<EventBlockPtr>* committed) override {
    absl::MutexLock lock(&mu_);
    if (!events.empty()) {
      append_sizes_.push_back(events.size());
      append_times_.push_back(now);
    }
    mu_.Await(absl::Condition(
        +[](bool* held) { return !*held; }, &held_));
    if (!failure_.ok()) return failure_;
    return MemoryEventLog::Append(events, now, outcomes, committed);
  }

  bool WantsTrimStep() const override {
    absl::MutexLock lock(&mu_);
    return wants_trim_step_;
  }

  absl::StatusOr<bool> TrimStep(const Retention& retention, absl::Time now) override {
    absl::MutexLock lock(&mu_);
    ++trim_steps_;
    if (!trim_failure_.ok()) return trim_failure_;
    return MemoryEventLog::TrimStep(retention, now);
  }

  void Hold() { Set(&held_, true); }
  void Release() { Set(&held_, false); }
  void FailWith(absl::Status status) { Set(&failure_, std::move(status)); }
  void WantTrimStep() { Set(&wants_trim_step_, true); }
  void FailTrimWith(absl::Status status) { Set(&trim_failure_, std::move(status)); }

  void AwaitAppends(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto reached = [this, count]() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
      return append_sizes_.size() >= count;
    };
    mu_.Await(absl::Condition(&reached));
  }
  void AwaitTrimSteps(int count) {
    absl::MutexLock lock(&mu_);
    const auto reached = [this, count]()
                             ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return trim_steps_ >= count; };
    mu_.Await(absl::Condition(&reached));
  }

  int trim_steps() {
    absl::MutexLock lock(&mu_);
    return trim_steps_;
  }
  std::vector<size_t> append_sizes() {
    absl::MutexLock lock(&mu_);
    return append_sizes_;
  }
  std::vector<absl::Time> append_times() {
    absl::MutexLock lock(&mu_);
    return append_times_;
  }

 private:
  template <class Value>
  void Set(Value* member, Value value) {
    absl::MutexLock lock(&mu_);
    *member = std::move(value);
  }

  mutable absl::Mutex mu_;
  bool wants_trim_step_ ABSL_GUARDED_BY(mu_) = false;
  bool held_ ABSL_GUARDED_BY(mu_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mu_);
  absl::Status trim_failure_ ABSL_GUARDED_BY(mu_);
  std::vector<size_t> append_sizes_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Time> append_times_ ABSL_GUARDED_BY(mu_);
  int trim_steps_ ABSL_GUARDED_BY(mu_) = 0;
};

// Keeps what a committer reports.
class Recorder : public CommitObserver {
 public:
  void OnCommit(const CommitReport& report) override {
    absl::MutexLock lock(&mu_);
    reports_.push_back(report);
  }
  void OnTrimFailed(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    trim_failures_.push_back(status);
  }

  std::vector<CommitReport> reports() {
    absl::MutexLock lock(&mu_);
    return reports_;
  }
  absl::Status AwaitTrimFailure() {
    absl::MutexLock lock(&mu_);
    const auto failed = [this]()
                            ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !trim_failures_.empty(); };
    mu_.Await(absl::Condition(&failed));
    return trim_failures_[0];
  }

 private:
  absl::Mutex mu_;
  std::vector<CommitReport> reports_ ABSL_GUARDED_BY(mu_);
  std::vector<absl::Status> trim_failures_ ABSL_GUARDED_BY(mu_);
};

// The answer to one request.
class Answer {
 public:
  CommitRequest::Done done() {
    return [this](const absl::Status& status, absl::Span<const AppendOutcome> outcomes) {
      status_ = status;
      outcomes_.assign(outcomes.begin(), outcomes.end());
      ++calls_;
      answered_.Notify();
    };
  }
  const absl::Status& Await() {
    answered_.WaitForNotification();
    return status_;
  }
  bool answered() const { return answered_.HasBeenNotified(); }
  const std::vector<AppendOutcome>& outcomes() const { return outcomes_; }
  int calls() const { return calls_; }

 private:
  absl::Notification answered_;
  absl::Status status_;
  std::vector<AppendOutcome> outcomes_;
  std::atomic<int> calls_{0};
};

}  // namespace carillon::log

#endif  // CARILLON_TESTS_UNIT_LOG_COMMITTER_DOUBLES_H_
