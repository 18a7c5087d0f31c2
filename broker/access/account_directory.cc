#include "broker/access/account_directory.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/access/crypto.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

constexpr size_t kSecretDigestBytes = 16;

DirectoryUserPtr MakeUser(const UserRecord& record) {
  auto grant = std::make_shared<Grant>();
  grant->principal = record.name();
  grant->secret_digest = Sha256(record.secret()).substr(0, kSecretDigestBytes);
  return std::make_shared<const DirectoryUser>(DirectoryUser{record, std::move(grant)});
}

absl::StatusOr<DirectoryRolePtr> MakeRole(const RoleRecord& record) {
  DirectoryRole role;
  role.record = record;
  for (const v1::Claim& claim : record.claims()) {
    auto compiled = CompiledClaim::Compile(claim);
    if (!compiled.ok()) return compiled.status();
    role.covers_everything = role.covers_everything || compiled->covers_everything();
    role.claims.push_back(*std::move(compiled));
  }
  return std::make_shared<const DirectoryRole>(std::move(role));
}

template <typename Value>
Value FindOrNull(const std::map<std::string, Value, std::less<>>& map, absl::string_view name) {
  const auto found = map.find(name);
  return found == map.end() ? nullptr : found->second;
}

template <typename Value>
std::vector<Value> EntriesAfter(const std::map<std::string, Value, std::less<>>& map,
                                absl::string_view after, size_t count) {
  std::vector<Value> entries;
  for (auto i = map.upper_bound(after); i != map.end() && entries.size() < count; ++i) {
    entries.push_back(i->second);
  }
  return entries;
}

template <typename Names>
bool Contains(const Names& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccountDirectory>> AccountDirectory::Create(
    const Accounts& accounts) {
  std::unique_ptr<AccountDirectory> directory(new AccountDirectory());
  std::vector<AccountChange> changes;
  for (const auto& [name, role] : accounts.roles) {
    changes.push_back({AccountChange::Kind::kPutRole, {}, role});
  }
  for (const auto& [name, user] : accounts.users) {
    changes.push_back({AccountChange::Kind::kPutUser, user, {}});
  }
  if (const absl::Status loaded = directory->Apply(changes); !loaded.ok()) {
    return absl::DataLossError(
        absl::StrCat("a stored role has a faulty claim: ", loaded.message()));
  }
  return directory;
}

DirectoryUserPtr AccountDirectory::FindUser(absl::string_view name) const {
  absl::ReaderMutexLock lock(&mu_);
  return FindOrNull(users_, name);
}

DirectoryRolePtr AccountDirectory::FindRole(absl::string_view name) const {
  absl::ReaderMutexLock lock(&mu_);
  return FindOrNull(roles_, name);
}

std::vector<DirectoryUserPtr> AccountDirectory::UsersAfter(absl::string_view after,
                                                           size_t count) const {
  absl::ReaderMutexLock lock(&mu_);
  return EntriesAfter(users_, after, count);
}

std::vector<DirectoryRolePtr> AccountDirectory::RolesAfter(absl::string_view after,
                                                           size_t count) const {
  absl::ReaderMutexLock lock(&mu_);
  return EntriesAfter(roles_, after, count);
}

std::vector<std::string> AccountDirectory::UsersWithRole(absl::string_view role) const {
  absl::ReaderMutexLock lock(&mu_);
  std::vector<std::string> names;
  for (const auto& [name, user] : users_) {
    if (Contains(user->record.roles(), role)) names.push_back(name);
  }
  return names;
}

size_t AccountDirectory::user_count() const {
  absl::ReaderMutexLock lock(&mu_);
  return users_.size();
}

size_t AccountDirectory::role_count() const {
  absl::ReaderMutexLock lock(&mu_);
  return roles_.size();
}

absl::StatusOr<ScopePtr> AccountDirectory::Evaluate(const Grant& grant) const {
  std::vector<CompiledClaim> claims;
  {
    absl::ReaderMutexLock lock(&mu_);
    const DirectoryUserPtr user = FindOrNull(users_, grant.principal);
    if (user == nullptr) {
      return wire::Error(absl::StatusCode::kUnauthenticated, "USER_REMOVED",
                         "the user was removed");
    }
    if (!ConstantTimeEqual(user->grant->secret_digest, grant.secret_digest)) {
      return wire::Error(absl::StatusCode::kUnauthenticated, "TOKEN_REVOKED",
                         "the user's tokens and sessions were ended; get a new token");
    }
    for (const std::string& name : user->record.roles()) {
      if (!grant.roles.empty() && !Contains(grant.roles, name)) continue;
      const DirectoryRolePtr role = FindOrNull(roles_, name);
      if (role == nullptr) continue;
      claims.insert(claims.end(), role->claims.begin(), role->claims.end());
    }
  }
  std::optional<CompiledClaim> narrowing;
  if (grant.claim.has_value()) {
    auto compiled = CompiledClaim::Compile(*grant.claim);
    if (!compiled.ok()) return compiled.status();
    narrowing = *std::move(compiled);
  }
  return scopes_.Intern(std::move(claims), std::move(narrowing));
}

bool AccountDirectory::RoleCoversEverything(const std::string& role) const {
  const DirectoryRolePtr found = FindOrNull(roles_, role);
  return found != nullptr && found->covers_everything;
}

bool AccountDirectory::WouldLoseLastSuperuser(const AccountChange& change) const {
  using Kind = AccountChange::Kind;
  absl::StatusOr<DirectoryRolePtr> new_role = MakeRole(change.role);
  const bool new_role_covers_everything = new_role.ok() && (*new_role)->covers_everything;
  absl::ReaderMutexLock lock(&mu_);
  bool held_now = false;
  for (const auto& [name, user] : users_) {
    const bool is_changed = name == change.user.name();
    const bool is_put = is_changed && change.kind == Kind::kPutUser;
    const bool is_deleted = is_changed && change.kind == Kind::kDeleteUser;
    for (const std::string& role : user->record.roles()) {
      held_now = held_now || RoleCoversEverything(role);
    }
    if (is_deleted) continue;
    for (const std::string& role : is_put ? change.user.roles() : user->record.roles()) {
      const bool role_is_put = change.kind == Kind::kPutRole && role == change.role.name();
      if (role_is_put ? new_role_covers_everything : RoleCoversEverything(role)) return false;
    }
  }
  return held_now;
}

absl::Status AccountDirectory::Apply(absl::Span<const AccountChange> changes) {
  using Kind = AccountChange::Kind;
  std::vector<DirectoryRolePtr> roles;
  for (const AccountChange& change : changes) {
    auto role = MakeRole(change.role);
    if (!role.ok()) return role.status();
    roles.push_back(*std::move(role));
  }
  absl::MutexLock lock(&mu_);
  for (size_t i = 0; i < changes.size(); ++i) {
    const AccountChange& change = changes[i];
    switch (change.kind) {
      case Kind::kPutUser:
        users_.insert_or_assign(change.user.name(), MakeUser(change.user));
        break;
      case Kind::kDeleteUser:
        users_.erase(change.user.name());
        break;
      case Kind::kPutRole:
        roles_.insert_or_assign(change.role.name(), roles[i]);
        break;
      case Kind::kDeleteRole:
        roles_.erase(change.role.name());
        break;
    }
  }
  ++generation_;
  return absl::OkStatus();
}

}  // namespace carillon::access
