#include "broker/store/lmdb_event_log.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/store/little_endian.h"

namespace carillon::store {
namespace {

using log::AppendOutcome;
using log::EventBlockPtr;
using log::NewEvent;

static_assert(sizeof(size_t) == sizeof(uint64_t), "sequences are MDB_INTEGERKEYs");

constexpr size_t kPublisherBytesMax = 256;
constexpr size_t kEventIdBytesMax = 128;
constexpr size_t kRecordBytesMax = size_t{1} << 30;
// EventBlock counts its bytes in 32 bits.
constexpr size_t kReadBytesMax = size_t{1} << 30;
constexpr absl::string_view kReading = "reading the log";
constexpr absl::string_view kAppending = "appending to the log";
constexpr absl::string_view kTrimming = "trimming the log";

absl::string_view TextOf(const MDB_val& value) {
  return absl::string_view(static_cast<const char*>(value.mv_data), value.mv_size);
}

absl::StatusOr<BlockView> ParseBlock(const MDB_val& key, const MDB_val& value) {
  uint64_t first_sequence;
  if (key.mv_size != sizeof(first_sequence)) {
    return absl::DataLossError("the log is damaged: a block's key is not a sequence");
  }
  std::memcpy(&first_sequence, key.mv_data, sizeof(first_sequence));
  return BlockView::Parse(first_sequence, TextOf(value));
}

// Moves to a block. Nothing: there is none there.
absl::StatusOr<std::optional<BlockView>> MoveTo(Transaction& txn, Cursor& events,
                                                MDB_cursor_op op) {
  MDB_val key, value;
  const int code = events.Move(op, &key, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (absl::Status status = txn.Check(code, kReading); !status.ok()) return status;
  return ParseBlock(key, value);
}

// Moves to the last block that begins at or before event `sequence`.
absl::StatusOr<std::optional<BlockView>> MoveToBlockOf(uint64_t sequence, Transaction& txn,
                                                       Cursor& events) {
  MDB_val key{sizeof(sequence), &sequence};
  MDB_val value;
  const int code = events.Move(MDB_SET_RANGE, &key, &value);
  if (code == MDB_NOTFOUND) return MoveTo(txn, events, MDB_LAST);
  if (absl::Status status = txn.Check(code, kReading); !status.ok()) return status;
  absl::StatusOr<BlockView> block = ParseBlock(key, value);
  if (!block.ok()) return block.status();
  if (block->first_sequence() == sequence) return *block;
  return MoveTo(txn, events, MDB_PREV);
}

absl::Status Hole(uint64_t sequence) {
  return absl::DataLossError(absl::StrCat("the log is damaged: event ", sequence, " is missing"));
}

absl::Status CheckEvent(const NewEvent& event) {
  if (event.publisher.size() > kPublisherBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("a publisher's name has at most ", kPublisherBytesMax, " bytes"));
  }
  if (event.event_id.size() > kEventIdBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event id has at most ", kEventIdBytesMax, " bytes"));
  }
  if (event.record.empty() || event.record.size() > kRecordBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("an event's record has 1 to ", kRecordBytesMax, " bytes"));
  }
  return absl::OkStatus();
}

// Copies events out of consecutive blocks.
class BlockCopier {
 public:
  BlockCopier(uint64_t first_sequence, size_t bytes_max)
      : next_sequence_(first_sequence),
        bytes_max_(std::min(bytes_max, kReadBytesMax)),
        first_sequence_(first_sequence) {}

  uint64_t next_sequence() const { return next_sequence_; }

  void Reserve(uint64_t bytes) { records_.reserve(std::min<uint64_t>(bytes, bytes_max_)); }

  // Takes what fits, and one event at least if there is none yet. True: there is room for more.
  absl::StatusOr<bool> Take(const BlockView& block) {
    if (next_sequence_ < block.first_sequence() || next_sequence_ >= block.next_sequence()) {
      return Hole(next_sequence_);
    }
    uint32_t i = static_cast<uint32_t>(next_sequence_ - block.first_sequence());
    const uint32_t begin = block.record_begin(i);
    uint32_t end = begin;
    for (; i < block.count(); ++i) {
      const uint32_t next_end = block.record_begin(i + 1);
      if (next_end < end) return Hole(block.first_sequence() + i);
      const size_t bytes = records_.size() + (next_end - begin);
      if (bytes > bytes_max_ && !ends_.empty()) break;
      ends_.push_back(static_cast<uint32_t>(bytes));
      end = next_end;
    }
    absl::StrAppend(&records_, block.records().substr(begin, end - begin));
    next_sequence_ = block.first_sequence() + i;
    return i == block.count() && records_.size() < bytes_max_;
  }

  EventBlockPtr Finish() {
    return std::make_shared<log::EventBlock>(first_sequence_, std::move(records_),
                                             std::move(ends_));
  }

 private:
  uint64_t next_sequence_;
  const size_t bytes_max_;
  const uint64_t first_sequence_;
  std::string records_;
  std::vector<uint32_t> ends_;
};

}  // namespace

// The events of one Append on their way into its transaction.
class LmdbEventLog::Appender {
 public:
  Appender(Transaction* txn, const Tables& tables, uint32_t epoch, absl::Time now, Place end)
      : txn_(txn),
        events_(*txn, tables.events),
        event_ids_(*txn, tables.event_ids),
        epoch_(epoch),
        now_(now),
        end_(end),
        builder_(log::Position{epoch, end.sequence}) {}

  absl::Status Add(const NewEvent& event, AppendOutcome* outcome) {
    std::string id_key;
    if (!event.event_id.empty()) {
      id_key = EventIdKey(event.publisher, event.event_id);
      if (absl::Status status = ClaimId(id_key, outcome); !status.ok()) return status;
      if (outcome->duplicate) return absl::OkStatus();
    }
    if (!builder_->empty() && !builder_->HasRoomFor(event.record, id_key)) {
      if (absl::Status status = Flush(); !status.ok()) return status;
    }
    *outcome = {builder_->next_sequence(), false};
    builder_->Add(event.record, id_key);
    return absl::OkStatus();
  }

  // Puts the block that was gathered into the log.
  absl::Status Flush() {
    if (builder_->empty()) return absl::OkStatus();
    uint64_t sequence = builder_->first_sequence();
    MDB_val key{sizeof(sequence), &sequence};
    MDB_val value{builder_->value_bytes(), nullptr};
    const int code = events_.Put(&key, &value, MDB_APPEND | MDB_RESERVE);
    if (absl::Status status = txn_->Check(code, kAppending); !status.ok()) return status;
    builder_->WriteTo(static_cast<char*>(value.mv_data), now_, end_.offset);
    end_ = {builder_->next_sequence(), end_.offset + builder_->record_bytes()};
    blocks_.push_back(builder_->Finish());
    builder_.emplace(log::Position{epoch_, end_.sequence});
    return absl::OkStatus();
  }

  Place end() const { return end_; }
  std::vector<EventBlockPtr> TakeBlocks() { return std::move(blocks_); }

 private:
  // Notes the id for the next sequence, unless it is there already.
  absl::Status ClaimId(const std::string& id_key, AppendOutcome* outcome) {
    char sequence[sizeof(uint64_t)];
    StoreLittleEndian(builder_->next_sequence(), sequence);
    MDB_val key{id_key.size(), const_cast<char*>(id_key.data())};
    MDB_val value{sizeof(sequence), sequence};
    const int code = event_ids_.Put(&key, &value, MDB_NOOVERWRITE);
    outcome->duplicate = code == MDB_KEYEXIST;
    if (!outcome->duplicate) return txn_->Check(code, kAppending);
    if (value.mv_size != sizeof(sequence)) {
      return absl::DataLossError("the log is damaged: an event id leads nowhere");
    }
    outcome->sequence = LoadLittleEndian<uint64_t>(static_cast<const char*>(value.mv_data));
    return absl::OkStatus();
  }

  Transaction* const txn_;
  Cursor events_;
  Cursor event_ids_;
  const uint32_t epoch_;
  const absl::Time now_;
  // Of what was flushed.
  Place end_;
  std::optional<BlockBuilder> builder_;
  std::vector<EventBlockPtr> blocks_;
};

absl::StatusOr<std::unique_ptr<LmdbEventLog>> LmdbEventLog::Open(Environment* environment,
                                                                 const Tables& tables,
                                                                 uint32_t epoch) {
  std::unique_ptr<LmdbEventLog> log(new LmdbEventLog(environment, tables, epoch));
  absl::Status status = environment->Read([&](Transaction& txn) { return log->FindBounds(txn); });
  if (!status.ok()) return status;
  return log;
}

absl::Status LmdbEventLog::FindBounds(Transaction& txn) {
  Cursor events(txn, tables_.events);
  absl::StatusOr<std::optional<BlockView>> first = MoveTo(txn, events, MDB_FIRST);
  if (!first.ok()) return first.status();
  absl::MutexLock lock(&mu_);
  if (!first->has_value()) {
    absl::StatusOr<Place> end = EndOfEmptyLog(txn);
    if (!end.ok()) return end.status();
    begin_ = end_ = *end;
    return absl::OkStatus();
  }
  begin_ = {(*first)->first_sequence(), (*first)->begin_offset()};
  absl::StatusOr<std::optional<BlockView>> last = MoveTo(txn, events, MDB_LAST);
  if (!last.ok()) return last.status();
  end_ = {(*last)->next_sequence(), (*last)->end_offset()};
  return absl::OkStatus();
}

absl::StatusOr<LmdbEventLog::Place> LmdbEventLog::EndOfEmptyLog(Transaction& txn) const {
  absl::StatusOr<std::optional<absl::string_view>> value = txn.Get(tables_.meta, kEndOfEmptyLogKey);
  if (!value.ok()) return value.status();
  if (!value->has_value()) return Place();
  if ((*value)->size() != 2 * sizeof(uint64_t)) {
    return absl::DataLossError("the log is damaged: its end is not known");
  }
  return Place{LoadLittleEndian<uint64_t>((*value)->data()),
               LoadLittleEndian<uint64_t>((*value)->data() + sizeof(uint64_t))};
}

log::LogBounds LmdbEventLog::bounds() const {
  absl::MutexLock lock(&mu_);
  return {begin_.sequence, end_.sequence - 1, end_.offset - begin_.offset};
}

absl::Status LmdbEventLog::Append(absl::Span<const NewEvent> events, absl::Time now,
                                  absl::Span<AppendOutcome> outcomes,
                                  std::vector<EventBlockPtr>* committed) {
  if (events.empty()) return absl::OkStatus();
  for (const NewEvent& event : events) {
    if (absl::Status status = CheckEvent(event); !status.ok()) return status;
  }
  Place old_end;
  {
    absl::MutexLock lock(&mu_);
    old_end = end_;
  }
  Place end;
  std::vector<EventBlockPtr> blocks;
  absl::Status status = environment_->Write([&](Transaction& txn) {
    Appender appender(&txn, tables_, epoch_, now, old_end);
    for (size_t i = 0; i < events.size(); ++i) {
      if (absl::Status added = appender.Add(events[i], &outcomes[i]); !added.ok()) return added;
    }
    if (absl::Status flushed = appender.Flush(); !flushed.ok()) return flushed;
    end = appender.end();
    blocks = appender.TakeBlocks();
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  {
    absl::MutexLock lock(&mu_);
    end_ = end;
  }
  for (EventBlockPtr& block : blocks) committed->push_back(std::move(block));
  return absl::OkStatus();
}

absl::StatusOr<EventBlockPtr> LmdbEventLog::Read(uint64_t after, size_t bytes_hint) const {
  Place end;
  {
    absl::MutexLock lock(&mu_);
    end = end_;
  }
  if (after >= end.sequence - 1) return nullptr;
  BlockCopier copier(after + 1, bytes_hint);
  absl::Status status = environment_->Read([&](Transaction& txn) -> absl::Status {
    Cursor events(txn, tables_.events);
    absl::StatusOr<std::optional<BlockView>> block = MoveToBlockOf(after + 1, txn, events);
    if (!block.ok()) return block.status();
    if (!block->has_value()) {
      return absl::OutOfRangeError(absl::StrCat("event ", after + 1, " is no longer in the log"));
    }
    copier.Reserve(end.offset - std::min(end.offset, (*block)->begin_offset()));
    while (block->has_value()) {
      absl::StatusOr<bool> more = copier.Take(**block);
      if (!more.ok()) return more.status();
      if (!*more) return absl::OkStatus();
      block = MoveTo(txn, events, MDB_NEXT);
      if (!block.ok()) return block.status();
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return copier.Finish();
}

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

absl::StatusOr<bool> LmdbEventLog::TrimStep(const log::Retention& retention, absl::Time now) {
  const absl::StatusOr<bool> may_go = OldestMayGo(retention, now);
  if (!may_go.ok()) return may_go.status();
  if (!*may_go) return false;
  Place old_begin, end;
  {
    absl::MutexLock lock(&mu_);
    old_begin = begin_;
    end = end_;
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
  absl::MutexLock lock(&mu_);
  begin_ = begin;
  return more;
}

}  // namespace carillon::store
