// What the log does now and then: it brings into the store what is pending, and removes what
// retention does not keep.
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/store/little_endian.h"
#include "broker/store/lmdb_event_log.h"

namespace carillon::store {
namespace {

// So much is pending that the store had better get it now, while the journal has room for as much
// again.
constexpr size_t kPendingBytesWanted = Journal::kBytes / 4;
constexpr absl::string_view kTrimming = "trimming the log";

}  // namespace

bool LmdbEventLog::MayGo(const BlockView& block, const log::Retention& retention,
                         absl::Time now) const {
  if (now - block.commit_time() > retention.age_max) return true;
  absl::MutexLock lock(&mu_);
  return end_.offset - block.end_offset() >= retention.bytes_max;
}

absl::StatusOr<bool> LmdbEventLog::OldestMayGo(const log::Retention& retention,
                                               absl::Time now) const {
  bool may_go = false;
  absl::Status status = environment_->Read([&](Transaction& txn) {
    Cursor events(txn, tables_.events);
    absl::StatusOr<std::optional<BlockView>> oldest = MoveTo(txn, events, MDB_FIRST);
    if (!oldest.ok()) return oldest.status();
    may_go = oldest->has_value() && MayGo(**oldest, retention, now);
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return may_go;
}

absl::Status LmdbEventLog::RemoveOldest(Transaction& txn, Cursor& events, const BlockView& oldest) {
  const absl::StatusOr<std::vector<std::string>> id_keys = oldest.EventIdKeys();
  if (!id_keys.ok()) return id_keys.status();
  for (const std::string& id_key : *id_keys) {
    if (absl::Status status = txn.Delete(tables_.event_ids, id_key); !status.ok()) return status;
  }
  return txn.Check(events.DeleteCurrent(), kTrimming);
}

bool LmdbEventLog::WantsTrimStep() const {
  absl::MutexLock lock(&mu_);
  return pending_.bytes() >= kPendingBytesWanted && !storing_ && !store_failed_;
}

absl::StatusOr<bool> LmdbEventLog::TrimStep(const log::Retention& retention, absl::Time now) {
  absl::MutexLock store_lock(&store_mu_);
  const absl::Status stored = AppendToStoreLocked({}, now, {}, nullptr);
  // If the store is full, removing makes room.
  if (!stored.ok() && !absl::IsResourceExhausted(stored)) return stored;
  const absl::StatusOr<bool> may_go = OldestMayGo(retention, now);
  if (!may_go.ok()) return may_go.status();
  if (!*may_go) {
    if (!stored.ok()) return stored;
    absl::MutexLock lock(&mu_);
    if (!journal_status_.ok()) return std::exchange(journal_status_, absl::OkStatus());
    return false;
  }
  Place old_begin, end;
  {
    absl::MutexLock lock(&mu_);
    old_begin = begin_;
    end = stored_end_;
  }
  Place begin;
  bool more = false;
  absl::Status status = environment_->WriteEvenIfFull([&](Transaction& txn) -> absl::Status {
    begin = old_begin;
    Cursor events(txn, tables_.events);
    for (;;) {
      absl::StatusOr<std::optional<BlockView>> oldest = MoveTo(txn, events, MDB_FIRST);
      if (!oldest.ok()) return oldest.status();
      more = oldest->has_value() && MayGo(**oldest, retention, now);
      if (!more || begin.offset - old_begin.offset >= kTrimBytesMax ||
          begin.sequence - old_begin.sequence >= kTrimEventsMax) {
        break;
      }
      begin = {(*oldest)->next_sequence(), (*oldest)->end_offset()};
      if (absl::Status removed = RemoveOldest(txn, events, **oldest); !removed.ok()) return removed;
    }
    if (begin.sequence != end.sequence) return absl::OkStatus();
    char value[2 * sizeof(uint64_t)];
    StoreLittleEndian(end.sequence, value);
    StoreLittleEndian(end.offset, value + sizeof(uint64_t));
    return txn.Put(tables_.meta, kEndOfEmptyLogKey, absl::string_view(value, sizeof(value)));
  });
  if (!status.ok()) return status;
  // What is pending may have to go, too.
  if (!stored.ok() && begin.sequence > old_begin.sequence) more = true;
  absl::MutexLock lock(&mu_);
  begin_ = begin;
  return more;
}

}  // namespace carillon::store
