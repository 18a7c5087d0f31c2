#include "broker/store/lmdb_account_store.h"

#include <map>
#include <optional>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/store/random.h"

namespace carillon::store {
namespace {

using access::AccountChange;

constexpr size_t kNameBytesMax = 256;
constexpr size_t kServerSecretBytes = 32;

template <class Record>
absl::Status LoadTable(Transaction& txn, MDB_dbi table,
                       std::map<std::string, Record, std::less<>>* records) {
  Cursor cursor(txn, table);
  MDB_val key, value;
  int code = cursor.Move(MDB_FIRST, &key, &value);
  for (; code == MDB_SUCCESS; code = cursor.Move(MDB_NEXT, &key, &value)) {
    const std::string name(TextOf(key));
    if (!(*records)[name].ParseFromArray(value.mv_data, static_cast<int>(value.mv_size))) {
      return absl::DataLossError(absl::StrCat("the account \"", name, "\" is damaged"));
    }
  }
  return code == MDB_NOTFOUND ? absl::OkStatus() : txn.Check(code, "reading accounts");
}

const std::string& NameOf(const AccountChange& change) {
  switch (change.kind) {
    case AccountChange::Kind::kPutUser:
    case AccountChange::Kind::kDeleteUser:
      return change.user.name();
    case AccountChange::Kind::kPutRole:
    case AccountChange::Kind::kDeleteRole:
      break;
  }
  return change.role.name();
}

}  // namespace

absl::StatusOr<access::Accounts> LmdbAccountStore::Load() const {
  access::Accounts accounts;
  absl::Status status = environment_->Read([&](Transaction& txn) {
    absl::Status loaded = LoadTable(txn, tables_.users, &accounts.users);
    return loaded.ok() ? LoadTable(txn, tables_.roles, &accounts.roles) : loaded;
  });
  if (!status.ok()) return status;
  return accounts;
}

absl::Status LmdbAccountStore::Apply(absl::Span<const AccountChange> changes) {
  for (const AccountChange& change : changes) {
    const size_t size = NameOf(change).size();
    if (size == 0 || size > kNameBytesMax) {
      return absl::InvalidArgumentError(
          absl::StrCat("a user's or role's name has 1 to ", kNameBytesMax, " bytes"));
    }
  }
  return environment_->WriteEvenIfFull([&](Transaction& txn) {
    for (const AccountChange& change : changes) {
      if (absl::Status status = ApplyOne(txn, change); !status.ok()) return status;
    }
    return absl::OkStatus();
  });
}

absl::Status LmdbAccountStore::ApplyOne(Transaction& txn, const AccountChange& change) {
  const std::string& name = NameOf(change);
  switch (change.kind) {
    case AccountChange::Kind::kPutUser:
      return txn.Put(tables_.users, name, change.user.SerializeAsString());
    case AccountChange::Kind::kDeleteUser:
      return txn.Delete(tables_.users, name);
    case AccountChange::Kind::kPutRole:
      return txn.Put(tables_.roles, name, change.role.SerializeAsString());
    case AccountChange::Kind::kDeleteRole:
      return txn.Delete(tables_.roles, name);
  }
  return absl::InternalError("an account change of an unknown kind");
}

absl::StatusOr<std::string> LmdbAccountStore::ServerSecret() {
  std::string secret;
  absl::Status status = environment_->WriteEvenIfFull([&](Transaction& txn) -> absl::Status {
    absl::StatusOr<std::optional<absl::string_view>> kept = txn.Get(tables_.meta, kServerSecretKey);
    if (!kept.ok()) return kept.status();
    if (kept->has_value()) {
      secret = std::string(**kept);
      return absl::OkStatus();
    }
    secret = RandomBytes(kServerSecretBytes);
    return txn.Put(tables_.meta, kServerSecretKey, secret);
  });
  if (!status.ok()) return status;
  return secret;
}

}  // namespace carillon::store
