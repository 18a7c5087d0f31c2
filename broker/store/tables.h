// The tables of the store and what the table "meta" holds. ARCHITECTURE.md, "The store", specifies
// them.
#ifndef CARILLON_BROKER_STORE_TABLES_H_
#define CARILLON_BROKER_STORE_TABLES_H_

#include <lmdb.h>

#include <cstdint>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/store/environment.h"

namespace carillon::store {

struct Tables {
  MDB_dbi meta = 0;
  // First sequence of a block (8 bytes, the machine's own order) → block; see block_format.h.
  MDB_dbi events = 0;
  // EventIdKey → sequence (u64, little-endian).
  MDB_dbi event_ids = 0;
  // Name → UserRecord, RoleRecord.
  MDB_dbi users = 0;
  MDB_dbi roles = 0;
};

// Keys in "meta".
// u32: version of the whole layout.
inline constexpr absl::string_view kFormatKey = "format";
// u32: log::EventLog::epoch().
inline constexpr absl::string_view kEpochKey = "epoch";
// 32 bytes: access::AccountStore::ServerSecret().
inline constexpr absl::string_view kServerSecretKey = "server_secret";
// u64 next sequence, u64 bytes of all records ever appended. Counts only while "events" is empty.
inline constexpr absl::string_view kEndOfEmptyLogKey = "end_of_empty_log";

struct OpenedTables {
  Tables tables;
  uint32_t epoch = 0;
};

// Opens the tables, or makes them in a file that is empty. FAILED_PRECONDITION: they are of another
// format, or something else is in the file.
absl::StatusOr<OpenedTables> OpenTables(Environment& environment);

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_TABLES_H_
