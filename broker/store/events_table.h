// Finding one's way in the tables of the log.
#ifndef CARILLON_BROKER_STORE_EVENTS_TABLE_H_
#define CARILLON_BROKER_STORE_EVENTS_TABLE_H_

#include <lmdb.h>

#include <cstdint>
#include <optional>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/store/block_format.h"
#include "broker/store/environment.h"

namespace carillon::store {

// A place between two events, or before the first or after the last.
struct Place {
  // Of the event after it.
  uint64_t sequence = 1;
  // Bytes of all records ever appended before it.
  uint64_t offset = 0;
};

// Moves to a block. Nothing: there is none there. DATA_LOSS: what is there is none.
absl::StatusOr<std::optional<BlockView>> MoveTo(Transaction& txn, Cursor& events, MDB_cursor_op op);

// Moves to the last block that begins at or before event `sequence`.
absl::StatusOr<std::optional<BlockView>> MoveToBlockOf(uint64_t sequence, Transaction& txn,
                                                       Cursor& events);

// What the table of event ids holds. DATA_LOSS: no sequence.
absl::StatusOr<uint64_t> SequenceOfId(absl::string_view value);

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_EVENTS_TABLE_H_
