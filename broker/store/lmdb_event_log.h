// The event log in an LMDB file.
#ifndef CARILLON_BROKER_STORE_LMDB_EVENT_LOG_H_
#define CARILLON_BROKER_STORE_LMDB_EVENT_LOG_H_

#include <cstdint>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/log/event_log.h"
#include "broker/store/block_format.h"
#include "broker/store/environment.h"
#include "broker/store/tables.h"

namespace carillon::store {

class LmdbEventLog : public log::EventLog {
 public:
  // What one TrimStep removes at most: more than a commit adds, so that trimming keeps up.
  static constexpr uint64_t kTrimBytesMax = 16 << 20;
  static constexpr uint64_t kTrimEventsMax = 32 * 1024;

  // Finds the bounds of the log. `environment` must outlive it.
  static absl::StatusOr<std::unique_ptr<LmdbEventLog>> Open(Environment* environment,
                                                            const Tables& tables, uint32_t epoch);

  uint32_t epoch() const override { return epoch_; }
  log::LogBounds bounds() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Append(absl::Span<const log::NewEvent> events, absl::Time now,
                      absl::Span<log::AppendOutcome> outcomes,
                      std::vector<log::EventBlockPtr>* committed) override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<log::EventBlockPtr> Read(uint64_t after, size_t bytes_hint) const override;
  absl::StatusOr<bool> TrimStep(const log::Retention& retention, absl::Time now) override
      ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // A place between two events, or before the first or after the last.
  struct Place {
    // Of the event after it.
    uint64_t sequence = 1;
    // Bytes of all records ever appended before it.
    uint64_t offset = 0;
  };
  class Appender;

  LmdbEventLog(Environment* environment, const Tables& tables, uint32_t epoch)
      : environment_(environment), tables_(tables), epoch_(epoch) {}

  absl::Status FindBounds(Transaction& txn) ABSL_LOCKS_EXCLUDED(mu_);
  // Where the log ends if it holds no events: kept by the TrimStep that took the last one.
  absl::StatusOr<Place> EndOfEmptyLog(Transaction& txn) const;
  // Whether the events up to `block`'s end may go.
  bool MayGo(const BlockView& block, const log::Retention& retention, absl::Time now) const
      ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<bool> OldestMayGo(const log::Retention& retention, absl::Time now) const;
  absl::Status RemoveOldest(Transaction& txn, Cursor& events, const BlockView& oldest);

  Environment* const environment_;
  const Tables tables_;
  const uint32_t epoch_;

  mutable absl::Mutex mu_;
  // Of what is committed. Changed only by the thread that appends and trims.
  Place begin_ ABSL_GUARDED_BY(mu_);
  Place end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_LMDB_EVENT_LOG_H_
