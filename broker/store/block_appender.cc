#include "broker/store/block_appender.h"

#include <utility>

#include "broker/store/little_endian.h"

namespace carillon::store {
namespace {

using log::AppendOutcome;
using log::NewEvent;

constexpr absl::string_view kAppending = "appending to the log";

}  // namespace

BlockAppender::BlockAppender(Transaction* txn, const Tables& tables, uint32_t epoch, absl::Time now,
                             Place end)
    : txn_(txn),
      tables_(tables),
      events_(*txn, tables.events),
      event_ids_(*txn, tables.event_ids),
      epoch_(epoch),
      now_(now),
      end_(end),
      builder_(log::Position{epoch, end.sequence}) {}

absl::Status BlockAppender::AddPending(const PendingBlock& block) {
  uint64_t first_sequence = block.view.first_sequence();
  MDB_val key{sizeof(first_sequence), &first_sequence};
  MDB_val value = ValueOf(block.value);
  const int code = events_.Put(&key, &value, MDB_APPEND);
  if (absl::Status status = txn_->Check(code, kAppending); !status.ok()) return status;
  for (const auto& [id_key, sequence] : block.ids) {
    char bytes[sizeof(uint64_t)];
    StoreLittleEndian(sequence, bytes);
    absl::Status status = txn_->Put(tables_.event_ids, id_key, {bytes, sizeof(bytes)});
    if (!status.ok()) return status;
  }
  end_ = {block.view.next_sequence(), block.view.end_offset()};
  builder_.emplace(log::Position{epoch_, end_.sequence});
  return absl::OkStatus();
}

absl::Status BlockAppender::Add(const NewEvent& event, AppendOutcome* outcome) {
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

absl::Status BlockAppender::Flush() {
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

absl::Status BlockAppender::ClaimId(const std::string& id_key, AppendOutcome* outcome) {
  char sequence[sizeof(uint64_t)];
  StoreLittleEndian(builder_->next_sequence(), sequence);
  MDB_val key = ValueOf(id_key);
  MDB_val value{sizeof(sequence), sequence};
  const int code = event_ids_.Put(&key, &value, MDB_NOOVERWRITE);
  outcome->duplicate = code == MDB_KEYEXIST;
  if (!outcome->duplicate) return txn_->Check(code, kAppending);
  const absl::StatusOr<uint64_t> known = SequenceOfId(TextOf(value));
  if (!known.ok()) return known.status();
  outcome->sequence = *known;
  return absl::OkStatus();
}

}  // namespace carillon::store
