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

// What the table of event ids holds.
absl::StatusOr<uint64_t> SequenceOfId(absl::string_view value) {
  if (value.size() != sizeof(uint64_t)) {
    return absl::DataLossError("the log is damaged: an event id leads nowhere");
  }
  return LoadLittleEndian<uint64_t>(value.data());
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

}  // namespace

// The events of one Append on their way into its transaction.
class LmdbEventLog::Appender {
 public:
  Appender(Transaction* txn, const Tables& tables, uint32_t epoch, absl::Time now, Place end)
      : txn_(txn),
        events_(*txn, tables.events),
        event_ids_table_(tables.event_ids),
        event_ids_(*txn, tables.event_ids),
        epoch_(epoch),
        now_(now),
        end_(end),
        builder_(log::Position{epoch, end.sequence}) {}

  // Before the first Add.
  absl::Status AddPending(const std::vector<PendingPtr>& pending,
                          const absl::flat_hash_map<std::string, uint64_t>& ids) {
    for (const PendingPtr& block : pending) {
      uint64_t sequence = block->view.first_sequence();
      MDB_val key{sizeof(sequence), &sequence};
      MDB_val value{block->value.size(), const_cast<char*>(block->value.data())};
      const int code = events_.Put(&key, &value, MDB_APPEND);
      if (absl::Status status = txn_->Check(code, kAppending); !status.ok()) return status;
      end_ = {block->view.next_sequence(), block->view.end_offset()};
    }
    for (const auto& [id_key, number] : ids) {
      char sequence[sizeof(uint64_t)];
      StoreLittleEndian(number, sequence);
      absl::Status status = txn_->Put(event_ids_table_, id_key, {sequence, sizeof(sequence)});
      if (!status.ok()) return status;
    }
    builder_.emplace(log::Position{epoch_, end_.sequence});
    return absl::OkStatus();
  }

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
    const absl::StatusOr<uint64_t> known = SequenceOfId(TextOf(value));
    if (!known.ok()) return known.status();
    outcome->sequence = *known;
    return absl::OkStatus();
  }

  Transaction* const txn_;
  Cursor events_;
  const MDB_dbi event_ids_table_;
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
                                                                 uint32_t epoch,
                                                                 std::unique_ptr<Journal> journal) {
  std::unique_ptr<LmdbEventLog> log(
      new LmdbEventLog(environment, tables, epoch, std::move(journal)));
  absl::Status status = environment->Read([&](Transaction& txn) { return log->FindBounds(txn); });
  if (status.ok()) status = log->RecoverPending();
  if (!status.ok()) return status;
  return log;
}

LmdbEventLog::LmdbEventLog(Environment* environment, const Tables& tables, uint32_t epoch,
                           std::unique_ptr<Journal> journal)
    : environment_(environment), tables_(tables), epoch_(epoch), journal_(std::move(journal)) {}

absl::Status LmdbEventLog::Flush() {
  absl::Status status = AppendToStore({}, absl::InfinitePast(), {}, nullptr);
  return status.ok() ? journal_->Erase() : status;
}

absl::Status LmdbEventLog::RecoverPending() {
  Place stored_end;
  {
    absl::MutexLock lock(&mu_);
    stored_end = stored_end_;
  }
  absl::StatusOr<std::vector<Journal::Frame>> frames = journal_->Recover(stored_end.sequence);
  if (!frames.ok()) return frames.status();
  for (Journal::Frame& frame : *frames) {
    if (absl::Status added = AddPending(std::move(frame)); !added.ok()) return added;
  }
  return absl::OkStatus();
}

absl::Status LmdbEventLog::FindBounds(Transaction& txn) {
  Cursor events(txn, tables_.events);
  absl::StatusOr<std::optional<BlockView>> first = MoveTo(txn, events, MDB_FIRST);
  if (!first.ok()) return first.status();
  absl::MutexLock lock(&mu_);
  if (!first->has_value()) {
    absl::StatusOr<Place> end = EndOfEmptyLog(txn);
    if (!end.ok()) return end.status();
    begin_ = end_ = stored_end_ = *end;
    return absl::OkStatus();
  }
  begin_ = {(*first)->first_sequence(), (*first)->begin_offset()};
  absl::StatusOr<std::optional<BlockView>> last = MoveTo(txn, events, MDB_LAST);
  if (!last.ok()) return last.status();
  end_ = stored_end_ = {(*last)->next_sequence(), (*last)->end_offset()};
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
  if (FitJournal(events)) {
    absl::Status status = AppendToJournal(events, now, outcomes, committed);
    if (!journal_given_up_) return status;
  }
  return AppendToStore(events, now, outcomes, committed);
}

bool LmdbEventLog::FitJournal(absl::Span<const NewEvent> events) const {
  if (journal_given_up_) return false;
  size_t bytes = 0;
  for (const NewEvent& event : events) {
    bytes += BlockBuilder::SizeOf(event.record, event.publisher, event.event_id);
  }
  return bytes <= BlockBuilder::kValueBytesMax && journal_->HasRoomFor(bytes, events.size());
}

absl::StatusOr<std::vector<uint64_t>> LmdbEventLog::FindIds(
    absl::Span<const std::string> id_keys) const {
  std::vector<uint64_t> sequences(id_keys.size(), 0);
  const bool have_ids = std::any_of(id_keys.begin(), id_keys.end(),
                                    [](const std::string& id_key) { return !id_key.empty(); });
  if (!have_ids) return sequences;
  absl::Status status = environment_->Read([&](Transaction& txn) -> absl::Status {
    for (size_t i = 0; i < id_keys.size(); ++i) {
      if (id_keys[i].empty()) continue;
      if (const auto known = pending_ids_.find(id_keys[i]); known != pending_ids_.end()) {
        sequences[i] = known->second;
        continue;
      }
      const auto value = txn.Get(tables_.event_ids, id_keys[i]);
      if (!value.ok()) return value.status();
      if (!value->has_value()) continue;
      const absl::StatusOr<uint64_t> sequence = SequenceOfId(**value);
      if (!sequence.ok()) return sequence.status();
      sequences[i] = *sequence;
    }
    return absl::OkStatus();
  });
  if (!status.ok()) return status;
  return sequences;
}

absl::Status LmdbEventLog::AppendToJournal(absl::Span<const NewEvent> events, absl::Time now,
                                           absl::Span<AppendOutcome> outcomes,
                                           std::vector<EventBlockPtr>* committed) {
  std::vector<std::string> id_keys(events.size());
  for (size_t i = 0; i < events.size(); ++i) {
    if (!events[i].event_id.empty()) {
      id_keys[i] = EventIdKey(events[i].publisher, events[i].event_id);
    }
  }
  const absl::StatusOr<std::vector<uint64_t>> known = FindIds(id_keys);
  if (!known.ok()) return known.status();
  Place end;
  {
    absl::MutexLock lock(&mu_);
    end = end_;
  }
  BlockBuilder builder(log::Position{epoch_, end.sequence});
  Journal::Frame frame;
  absl::flat_hash_map<std::string, uint64_t> new_ids;
  for (size_t i = 0; i < events.size(); ++i) {
    const uint64_t next_sequence = builder.next_sequence();
    uint64_t sequence = (*known)[i];
    if (sequence == 0 && !id_keys[i].empty()) {
      const auto [id, is_new] = new_ids.emplace(id_keys[i], next_sequence);
      if (is_new) {
        frame.id_events.push_back(static_cast<uint32_t>(next_sequence - end.sequence));
      } else {
        sequence = id->second;
      }
    }
    if (sequence != 0) {
      outcomes[i] = {sequence, true};
      continue;
    }
    outcomes[i] = {next_sequence, false};
    builder.Add(events[i].record, id_keys[i]);
  }
  if (builder.empty()) return absl::OkStatus();
  frame.first_sequence = end.sequence;
  frame.block.resize(builder.value_bytes());
  builder.WriteTo(frame.block.data(), now, end.offset);
  if (absl::Status status = journal_->Append(frame); !status.ok()) {
    journal_given_up_ = true;
    journal_status_ = status;
    return status;
  }
  if (absl::Status status = AddPending(std::move(frame)); !status.ok()) return status;
  committed->push_back(builder.Finish());
  return absl::OkStatus();
}

absl::Status LmdbEventLog::AddPending(Journal::Frame frame) {
  auto pending = std::make_shared<Pending>();
  pending->value = std::move(frame.block);
  const absl::StatusOr<BlockView> view = BlockView::Parse(frame.first_sequence, pending->value);
  if (!view.ok()) return view.status();
  pending->view = *view;
  absl::StatusOr<std::vector<std::string>> id_keys = view->EventIdKeys();
  if (!id_keys.ok()) return id_keys.status();
  const bool leads_to_events = id_keys->size() == frame.id_events.size() &&
                               std::all_of(frame.id_events.begin(), frame.id_events.end(),
                                           [&](uint32_t index) { return index < view->count(); });
  if (!leads_to_events) {
    return absl::DataLossError(
        "the journal is damaged, its event ids do not lead to events: restore the folder from a "
        "backup");
  }
  for (size_t i = 0; i < id_keys->size(); ++i) {
    pending_ids_[std::move((*id_keys)[i])] = frame.first_sequence + frame.id_events[i];
  }
  absl::MutexLock lock(&mu_);
  if (view->first_sequence() != end_.sequence || view->begin_offset() != end_.offset) {
    return absl::FailedPreconditionError(
        "the journal does not go on where the store ends: restore both from the same backup");
  }
  end_ = {view->next_sequence(), view->end_offset()};
  pending_.push_back(std::move(pending));
  return absl::OkStatus();
}

absl::Status LmdbEventLog::AppendToStore(absl::Span<const NewEvent> events, absl::Time now,
                                         absl::Span<AppendOutcome> outcomes,
                                         std::vector<EventBlockPtr>* committed) {
  Place stored_end;
  std::vector<PendingPtr> pending;
  {
    absl::MutexLock lock(&mu_);
    stored_end = stored_end_;
    pending = pending_;
  }
  if (events.empty() && pending.empty()) return absl::OkStatus();
  Place end;
  std::vector<EventBlockPtr> blocks;
  absl::Status status = environment_->Write([&](Transaction& txn) {
    Appender appender(&txn, tables_, epoch_, now, stored_end);
    if (absl::Status added = appender.AddPending(pending, pending_ids_); !added.ok()) return added;
    for (size_t i = 0; i < events.size(); ++i) {
      if (absl::Status added = appender.Add(events[i], &outcomes[i]); !added.ok()) return added;
    }
    if (absl::Status flushed = appender.Flush(); !flushed.ok()) return flushed;
    end = appender.end();
    blocks = appender.TakeBlocks();
    return absl::OkStatus();
  });
  if (!status.ok()) {
    // A full store has not changed, unless it lets nobody in any more.
    const auto enter = [](Transaction&) { return absl::OkStatus(); };
    if (!absl::IsResourceExhausted(status) || !environment_->Read(enter).ok()) {
      journal_given_up_ = true;
    }
    return status;
  }
  {
    absl::MutexLock lock(&mu_);
    end_ = stored_end_ = end;
    pending_.clear();
  }
  pending_ids_.clear();
  journal_->Clear();
  for (EventBlockPtr& block : blocks) committed->push_back(std::move(block));
  return absl::OkStatus();
}

absl::StatusOr<EventBlockPtr> LmdbEventLog::Read(uint64_t after, size_t bytes_hint) const {
  Place end, stored_end;
  std::vector<PendingPtr> pending;
  {
    absl::MutexLock lock(&mu_);
    end = end_;
    stored_end = stored_end_;
    if (after >= end.sequence - 1) return nullptr;
    pending = PendingFromLocked(std::max(after + 1, stored_end.sequence), bytes_hint);
  }
  BlockCopier copier(after + 1, bytes_hint);
  bool more = true;
  if (after + 1 < stored_end.sequence) {
    absl::Status status = environment_->Read([&](Transaction& txn) {
      return ReadStore(txn, after + 1, stored_end.sequence, end.offset, &copier, &more);
    });
    if (!status.ok()) return status;
  }
  for (auto block = pending.begin(); more && block != pending.end(); ++block) {
    const absl::StatusOr<bool> took_all = copier.Take((*block)->view);
    if (!took_all.ok()) return took_all.status();
    more = *took_all;
  }
  return copier.Finish();
}

std::vector<LmdbEventLog::PendingPtr> LmdbEventLog::PendingFromLocked(uint64_t sequence,
                                                                      size_t bytes) const {
  const auto first = std::partition_point(
      pending_.begin(), pending_.end(),
      [sequence](const PendingPtr& block) { return block->view.next_sequence() <= sequence; });
  auto last = first;
  // Of the first a part may do.
  for (size_t rest = 0; last != pending_.end() && rest <= bytes; ++last) {
    if (last != first) rest += (*last)->view.records().size();
  }
  return {first, last};
}

absl::Status LmdbEventLog::ReadStore(Transaction& txn, uint64_t sequence, uint64_t end,
                                     uint64_t end_offset, BlockCopier* copier, bool* more) const {
  Cursor events(txn, tables_.events);
  absl::StatusOr<std::optional<BlockView>> block = MoveToBlockOf(sequence, txn, events);
  if (!block.ok()) return block.status();
  if (!block->has_value()) {
    return absl::OutOfRangeError(absl::StrCat("event ", sequence, " is no longer in the log"));
  }
  copier->Reserve(end_offset - std::min(end_offset, (*block)->begin_offset()));
  while (block->has_value() && (*block)->first_sequence() < end) {
    const absl::StatusOr<bool> took_all = copier->Take(**block);
    if (!took_all.ok()) return took_all.status();
    *more = *took_all;
    if (!*more) return absl::OkStatus();
    block = MoveTo(txn, events, MDB_NEXT);
    if (!block.ok()) return block.status();
  }
  return absl::OkStatus();
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
  const absl::Status stored = AppendToStore({}, now, {}, nullptr);
  // If the store is full, removing makes room.
  if (!stored.ok() && !absl::IsResourceExhausted(stored)) return stored;
  const absl::StatusOr<bool> may_go = OldestMayGo(retention, now);
  if (!may_go.ok()) return may_go.status();
  if (!*may_go) {
    if (!stored.ok()) return stored;
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
