#include "broker/store/lmdb_event_log.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>

#include "absl/base/internal/raw_logging.h"
#include "absl/container/flat_hash_map.h"
#include "absl/strings/str_cat.h"
#include "broker/store/block_appender.h"
#include "broker/store/little_endian.h"

namespace carillon::store {
namespace {

using log::AppendOutcome;
using log::EventBlockPtr;
using log::NewEvent;

constexpr size_t kPublisherBytesMax = 256;
constexpr size_t kEventIdBytesMax = 128;
constexpr size_t kRecordBytesMax = size_t{1} << 30;

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

absl::StatusOr<Place> LmdbEventLog::EndOfEmptyLog(Transaction& txn) const {
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
    if (status.ok() || !JournalGivenUp()) return status;
  }
  return AppendToStore(events, now, outcomes, committed);
}

bool LmdbEventLog::JournalGivenUp() const {
  absl::MutexLock lock(&mu_);
  return journal_given_up_;
}

bool LmdbEventLog::FitJournal(absl::Span<const NewEvent> events) const {
  size_t bytes = 0;
  for (const NewEvent& event : events) {
    bytes += BlockBuilder::SizeOf(event.record, event.publisher, event.event_id);
  }
  if (bytes > BlockBuilder::kValueBytesMax) return false;
  absl::MutexLock lock(&mu_);
  return !journal_given_up_ &&
         journal_->HasRoomFor(end_.sequence, bytes, events.size(), stored_end_.sequence);
}

absl::StatusOr<std::vector<uint64_t>> LmdbEventLog::FindIds(
    absl::Span<const std::string> id_keys) const {
  std::vector<uint64_t> sequences(id_keys.size(), 0);
  // What is pending now is in the store by the time that it is looked for there, or still found
  // here.
  bool all_found = true;
  {
    absl::MutexLock lock(&mu_);
    for (size_t i = 0; i < id_keys.size(); ++i) {
      if (id_keys[i].empty()) continue;
      sequences[i] = pending_.Find(id_keys[i]);
      all_found = all_found && sequences[i] != 0;
    }
  }
  if (all_found) return sequences;
  absl::Status status = environment_->Read([&](Transaction& txn) -> absl::Status {
    for (size_t i = 0; i < id_keys.size(); ++i) {
      if (id_keys[i].empty() || sequences[i] != 0) continue;
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
  Place end, stored_end;
  {
    absl::MutexLock lock(&mu_);
    end = end_;
    stored_end = stored_end_;
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
  frame.next_sequence = builder.next_sequence();
  frame.block.resize(builder.value_bytes());
  builder.WriteTo(frame.block.data(), now, end.offset);
  if (absl::Status status = journal_->Append(frame, stored_end.sequence); !status.ok()) {
    absl::MutexLock lock(&mu_);
    GiveUpJournal(status);
    return status;
  }
  const absl::Status added = AddPending(std::move(frame));
  ABSL_RAW_CHECK(added.ok(), "what was just built is damaged");
  committed->push_back(builder.Finish());
  return absl::OkStatus();
}

void LmdbEventLog::GiveUpJournal(const absl::Status& why) {
  if (std::exchange(journal_given_up_, true)) return;
  journal_status_ =
      absl::Status(why.code(), absl::StrCat(why.message(),
                                            "; until the broker is started again, each append "
                                            "goes to store.mdb and takes longer"));
}

absl::Status LmdbEventLog::AddPending(Journal::Frame frame) {
  absl::StatusOr<PendingBlockPtr> block = PendingBlock::Make(std::move(frame));
  if (!block.ok()) return block.status();
  const BlockView& view = (*block)->view;
  absl::MutexLock lock(&mu_);
  if (view.first_sequence() != end_.sequence || view.begin_offset() != end_.offset) {
    return absl::FailedPreconditionError(
        "the journal does not go on where the store ends: restore both from the same backup");
  }
  end_ = {view.next_sequence(), view.end_offset()};
  pending_.Add(*std::move(block));
  return absl::OkStatus();
}

absl::Status LmdbEventLog::AppendToStore(absl::Span<const NewEvent> events, absl::Time now,
                                         absl::Span<AppendOutcome> outcomes,
                                         std::vector<EventBlockPtr>* committed) {
  absl::MutexLock store_lock(&store_mu_);
  return AppendToStoreLocked(events, now, outcomes, committed);
}

absl::Status LmdbEventLog::AppendToStoreLocked(absl::Span<const NewEvent> events, absl::Time now,
                                               absl::Span<AppendOutcome> outcomes,
                                               std::vector<EventBlockPtr>* committed) {
  Place end;
  std::vector<PendingBlockPtr> pending;
  {
    absl::MutexLock lock(&mu_);
    end = stored_end_;
    pending = pending_.All();
    if (events.empty() && pending.empty()) return absl::OkStatus();
    storing_ = true;
  }
  const Place stored_end = end;
  std::vector<EventBlockPtr> blocks;
  absl::Status status = environment_->Write([&](Transaction& txn) {
    BlockAppender appender(&txn, tables_, epoch_, now, stored_end);
    for (const PendingBlockPtr& block : pending) {
      if (absl::Status added = appender.AddPending(*block); !added.ok()) return added;
    }
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
    const bool unchanged = absl::IsResourceExhausted(status) && environment_->Read(enter).ok();
    absl::MutexLock lock(&mu_);
    storing_ = false;
    store_failed_ = !pending.empty();
    if (!unchanged) GiveUpJournal(status);
    return status;
  }
  {
    absl::MutexLock lock(&mu_);
    storing_ = store_failed_ = false;
    stored_end_ = end;
    // Others may have become pending meanwhile.
    if (end.sequence > end_.sequence) end_ = end;
    pending_.RemoveBefore(end.sequence);
  }
  for (EventBlockPtr& block : blocks) committed->push_back(std::move(block));
  return absl::OkStatus();
}

absl::StatusOr<EventBlockPtr> LmdbEventLog::Read(uint64_t after, size_t bytes_hint) const {
  Place end, stored_end;
  std::vector<PendingBlockPtr> pending;
  {
    absl::MutexLock lock(&mu_);
    end = end_;
    stored_end = stored_end_;
    if (after >= end.sequence - 1) return nullptr;
    pending = pending_.From(std::max(after + 1, stored_end.sequence), bytes_hint);
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

}  // namespace carillon::store
