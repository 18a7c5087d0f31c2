#include "broker/store/tables.h"

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/store/little_endian.h"
#include "broker/store/random.h"

namespace carillon::store {
namespace {

constexpr uint32_t kFormat = 1;

struct TableName {
  const char* name;
  MDB_dbi Tables::*table;
  unsigned flags;
};
constexpr TableName kMetaTable = {"meta", &Tables::meta, 0};
constexpr TableName kTables[] = {
    kMetaTable,
    {"events", &Tables::events, MDB_INTEGERKEY},
    {"event_ids", &Tables::event_ids, 0},
    {"users", &Tables::users, 0},
    {"roles", &Tables::roles, 0},
};

absl::StatusOr<uint32_t> GetNumber(Transaction& txn, MDB_dbi meta, absl::string_view key) {
  absl::StatusOr<std::optional<absl::string_view>> value = txn.Get(meta, key);
  if (!value.ok()) return value.status();
  if (!value->has_value() || (*value)->size() != sizeof(uint32_t)) {
    return absl::DataLossError(absl::StrCat("the store is damaged: it has no ", key));
  }
  return LoadLittleEndian<uint32_t>((*value)->data());
}

absl::Status PutNumber(Transaction& txn, MDB_dbi meta, absl::string_view key, uint32_t number) {
  char value[sizeof(number)];
  StoreLittleEndian(number, value);
  return txn.Put(meta, key, absl::string_view(value, sizeof(value)));
}

// Whether there is nothing at all in the file.
absl::StatusOr<bool> IsEmpty(Transaction& txn) {
  MDB_dbi main;
  int code = mdb_dbi_open(txn.get(), nullptr, 0, &main);
  MDB_stat stat;
  if (code == MDB_SUCCESS) code = mdb_stat(txn.get(), main, &stat);
  if (absl::Status status = txn.Check(code, "opening the store"); !status.ok()) return status;
  return stat.ms_entries == 0;
}

absl::Status OpenTable(Transaction& txn, const TableName& table, unsigned more_flags,
                       Tables* tables) {
  const int code =
      mdb_dbi_open(txn.get(), table.name, table.flags | more_flags, &(tables->*table.table));
  if (code == MDB_NOTFOUND) {
    return absl::FailedPreconditionError(absl::StrCat("not a store of this program (no table \"",
                                                      table.name, "\"): name another directory"));
  }
  return txn.Check(code, "opening the store");
}

absl::Status OpenEach(Transaction& txn, unsigned more_flags, Tables* tables) {
  for (const TableName& table : kTables) {
    absl::Status status = OpenTable(txn, table, more_flags, tables);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status Create(Transaction& txn, OpenedTables* opened) {
  if (absl::Status status = OpenEach(txn, MDB_CREATE, &opened->tables); !status.ok()) return status;
  opened->epoch = LoadLittleEndian<uint32_t>(RandomBytes(sizeof(uint32_t)).data());
  absl::Status status = PutNumber(txn, opened->tables.meta, kFormatKey, kFormat);
  return status.ok() ? PutNumber(txn, opened->tables.meta, kEpochKey, opened->epoch) : status;
}

absl::Status OpenExisting(Transaction& txn, OpenedTables* opened) {
  absl::Status status = OpenTable(txn, kMetaTable, 0, &opened->tables);
  if (!status.ok()) return status;
  const absl::StatusOr<uint32_t> format = GetNumber(txn, opened->tables.meta, kFormatKey);
  if (!format.ok()) return format.status();
  if (*format != kFormat) {
    return absl::FailedPreconditionError(
        absl::StrCat("the store has format ", *format, ", and this program reads format ", kFormat,
                     ": use the version of the program that made it, or name another directory"));
  }
  if (status = OpenEach(txn, 0, &opened->tables); !status.ok()) return status;
  const absl::StatusOr<uint32_t> epoch = GetNumber(txn, opened->tables.meta, kEpochKey);
  if (epoch.ok()) opened->epoch = *epoch;
  return epoch.status();
}

}  // namespace

absl::StatusOr<OpenedTables> OpenTables(Environment& environment) {
  OpenedTables opened;
  absl::Status status = environment.WriteEvenIfFull([&](Transaction& txn) {
    const absl::StatusOr<bool> empty = IsEmpty(txn);
    if (!empty.ok()) return empty.status();
    return *empty ? Create(txn, &opened) : OpenExisting(txn, &opened);
  });
  if (!status.ok()) return status;
  return opened;
}

}  // namespace carillon::store
