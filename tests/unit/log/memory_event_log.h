// An event log that keeps nothing: the simplest thing that fulfils the contract, to compare others
// with.
#ifndef CARILLON_TESTS_UNIT_LOG_MEMORY_EVENT_LOG_H_
#define CARILLON_TESTS_UNIT_LOG_MEMORY_EVENT_LOG_H_

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "broker/log/event_log.h"

namespace carillon::log {

class MemoryEventLog : public EventLog {
 public:
  explicit MemoryEventLog(uint32_t epoch) : epoch_(epoch) {}

  uint32_t epoch() const override { return epoch_; }
  LogBounds bounds() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Append(absl::Span<const NewEvent> events, absl::Time now,
                      absl::Span<AppendOutcome> outcomes,
                      std::vector<EventBlockPtr>* committed) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<EventBlockPtr> Read(uint64_t after, size_t bytes_hint) const override
      ABSL_LOCKS_EXCLUDED(mu_);
  // Removes at most 100 events a step.
  absl::StatusOr<bool> TrimStep(const Retention& retention, absl::Time now) override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using IdKey = std::pair<std::string, std::string>;
  struct Event {
    std::string record;
    IdKey id;
    absl::Time commit_time;
  };

  EventBlockPtr BlockLocked(uint64_t first_sequence, size_t bytes_max) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool OldestMayGoLocked(const Retention& retention, absl::Time now) const
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const uint32_t epoch_;
  mutable absl::Mutex mu_;
  // By sequence.
  std::map<uint64_t, Event> events_ ABSL_GUARDED_BY(mu_);
  std::map<IdKey, uint64_t> ids_ ABSL_GUARDED_BY(mu_);
  uint64_t next_sequence_ ABSL_GUARDED_BY(mu_) = 1;
  uint64_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
};

}  // namespace carillon::log

#endif  // CARILLON_TESTS_UNIT_LOG_MEMORY_EVENT_LOG_H_
