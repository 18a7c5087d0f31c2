#include "broker/store/events_table.h"

#include <cstring>

#include "broker/store/little_endian.h"

namespace carillon::store {
namespace {

static_assert(sizeof(size_t) == sizeof(uint64_t), "sequences are MDB_INTEGERKEYs");

constexpr absl::string_view kReading = "reading the log";

absl::StatusOr<BlockView> ParseBlock(const MDB_val& key, const MDB_val& value) {
  uint64_t first_sequence;
  if (key.mv_size != sizeof(first_sequence)) {
    return absl::DataLossError("the log is damaged: a block's key is not a sequence");
  }
  std::memcpy(&first_sequence, key.mv_data, sizeof(first_sequence));
  return BlockView::Parse(first_sequence, TextOf(value));
}

}  // namespace

absl::StatusOr<std::optional<BlockView>> MoveTo(Transaction& txn, Cursor& events,
                                                MDB_cursor_op op) {
  MDB_val key, value;
  const int code = events.Move(op, &key, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (absl::Status status = txn.Check(code, kReading); !status.ok()) return status;
  return ParseBlock(key, value);
}

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

absl::StatusOr<uint64_t> SequenceOfId(absl::string_view value) {
  if (value.size() != sizeof(uint64_t)) {
    return absl::DataLossError("the log is damaged: an event id leads nowhere");
  }
  return LoadLittleEndian<uint64_t>(value.data());
}

}  // namespace carillon::store
