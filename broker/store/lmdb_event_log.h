// The event log in an LMDB file, with a journal before it.
//
// A small append is made durable in the journal and kept in memory as well, until the store has it.
// The store gets what is pending in one transaction: at each step of trimming, beside which appends
// go on, and at the end. A large append, or one that finds the journal full or broken, goes to the
// store at once, behind what is pending.
#ifndef CARILLON_BROKER_STORE_LMDB_EVENT_LOG_H_
#define CARILLON_BROKER_STORE_LMDB_EVENT_LOG_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/log/event_log.h"
#include "broker/store/block_copier.h"
#include "broker/store/block_format.h"
#include "broker/store/environment.h"
#include "broker/store/events_table.h"
#include "broker/store/journal.h"
#include "broker/store/pending_blocks.h"
#include "broker/store/tables.h"

namespace carillon::store {

class LmdbEventLog : public log::EventLog {
 public:
  // What one TrimStep removes at most: more than a commit adds, so that trimming keeps up.
  static constexpr uint64_t kTrimBytesMax = 16 << 20;
  static constexpr uint64_t kTrimEventsMax = 32 * 1024;

  // Finds the bounds of the log and what the store is still to get. `environment` must outlive it.
  static absl::StatusOr<std::unique_ptr<LmdbEventLog>> Open(Environment* environment,
                                                            const Tables& tables, uint32_t epoch,
                                                            std::unique_ptr<Journal> journal);
  // Brings what is pending into the store and empties the journal. Not during Append.
  absl::Status Flush() ABSL_LOCKS_EXCLUDED(store_mu_, mu_);

  uint32_t epoch() const override { return epoch_; }
  log::LogBounds bounds() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Append(absl::Span<const log::NewEvent> events, absl::Time now,
                      absl::Span<log::AppendOutcome> outcomes,
                      std::vector<log::EventBlockPtr>* committed) override
      ABSL_LOCKS_EXCLUDED(store_mu_, mu_);
  absl::StatusOr<log::EventBlockPtr> Read(uint64_t after, size_t bytes_hint) const override;
  bool WantsTrimStep() const override ABSL_LOCKS_EXCLUDED(mu_);
  absl::StatusOr<bool> TrimStep(const log::Retention& retention, absl::Time now) override
      ABSL_LOCKS_EXCLUDED(store_mu_, mu_);

 private:
  LmdbEventLog(Environment* environment, const Tables& tables, uint32_t epoch,
               std::unique_ptr<Journal> journal);

  absl::Status RecoverPending() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status AddPending(Journal::Frame frame) ABSL_LOCKS_EXCLUDED(mu_);
  // From now on all appends go to the store; the next TrimStep tells why.
  void GiveUpJournal(const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool JournalGivenUp() const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether they fit in the journal as one block.
  bool FitJournal(absl::Span<const log::NewEvent> events) const ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status AppendToJournal(absl::Span<const log::NewEvent> events, absl::Time now,
                               absl::Span<log::AppendOutcome> outcomes,
                               std::vector<log::EventBlockPtr>* committed) ABSL_LOCKS_EXCLUDED(mu_);
  // The same for the store, with what is pending before them.
  absl::Status AppendToStore(absl::Span<const log::NewEvent> events, absl::Time now,
                             absl::Span<log::AppendOutcome> outcomes,
                             std::vector<log::EventBlockPtr>* committed)
      ABSL_LOCKS_EXCLUDED(store_mu_, mu_);
  absl::Status AppendToStoreLocked(absl::Span<const log::NewEvent> events, absl::Time now,
                                   absl::Span<log::AppendOutcome> outcomes,
                                   std::vector<log::EventBlockPtr>* committed)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(store_mu_) ABSL_LOCKS_EXCLUDED(mu_);
  // The sequences under which these ids are known; 0: the key is empty, or it is new.
  absl::StatusOr<std::vector<uint64_t>> FindIds(absl::Span<const std::string> id_keys) const
      ABSL_LOCKS_EXCLUDED(mu_);
  // Copies events from `sequence` on and before `end`; `more`: there is room for others.
  absl::Status ReadStore(Transaction& txn, uint64_t sequence, uint64_t end, uint64_t end_offset,
                         BlockCopier* copier, bool* more) const;

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

  // Of the thread that appends.
  const std::unique_ptr<Journal> journal_;

  // Held by the thread that changes the log's tables, while it does.
  absl::Mutex store_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  mutable absl::Mutex mu_;
  // Of what is committed.
  Place begin_ ABSL_GUARDED_BY(mu_);
  Place end_ ABSL_GUARDED_BY(mu_);
  // Where the store ends and what is pending begins.
  Place stored_end_ ABSL_GUARDED_BY(mu_);
  PendingBlocks pending_ ABSL_GUARDED_BY(mu_);
  // Some thread is bringing what is pending into the store.
  bool storing_ ABSL_GUARDED_BY(mu_) = false;
  // The store could not take what is pending, at the last try.
  bool store_failed_ ABSL_GUARDED_BY(mu_) = false;
  // Appends go to the store alone: the journal cannot be written, or a commit has failed in such a
  // way that nobody knows whether the store has it.
  bool journal_given_up_ ABSL_GUARDED_BY(mu_) = false;
  // Why the journal cannot be written, until TrimStep has said it.
  absl::Status journal_status_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_LMDB_EVENT_LOG_H_
