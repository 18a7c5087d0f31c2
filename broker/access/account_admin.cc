#include "broker/access/account_admin.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/access/account_requests.h"
#include "broker/access/crypto.h"
#include "broker/access/names.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

using RoleNames = google::protobuf::RepeatedPtrField<std::string>;

constexpr size_t kSecretBytes = 32;
constexpr int kRolesPerUserMax = 100;
constexpr int kPageSizeMax = 1000;
constexpr size_t kPageBytesMax = 1 << 20;
constexpr char kFirstRole[] = "superuser";

bool Contains(const RoleNames& names, absl::string_view name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::Status NotFound(absl::string_view kind, absl::string_view name) {
  return wire::Error(absl::StatusCode::kNotFound, "ACCOUNT_NOT_FOUND",
                     absl::StrCat("there is no ", kind, " \"", name, "\""));
}

absl::Status LastSuperuser() {
  return wire::Error(absl::StatusCode::kFailedPrecondition, "LAST_SUPERUSER",
                     "after this nobody would hold the claim *.*.*; give it to another user first");
}

absl::Status Exhausted(absl::string_view what) {
  return wire::Error(absl::StatusCode::kResourceExhausted, "ACCOUNTS_EXHAUSTED",
                     absl::StrCat("there are as many ", what, " as there may be; delete some"));
}

void SetTimestamp(absl::Time time, google::protobuf::Timestamp* timestamp) {
  const int64_t seconds = absl::ToUnixSeconds(time);
  timestamp->set_seconds(seconds);
  timestamp->set_nanos(
      static_cast<int32_t>(absl::ToInt64Nanoseconds(time - absl::FromUnixSeconds(seconds))));
}

v1::User UserOf(const UserRecord& record) {
  v1::User user;
  user.set_name(record.name());
  *user.mutable_roles() = record.roles();
  *user.mutable_create_time() = record.create_time();
  return user;
}

v1::Role RoleOf(const RoleRecord& record) {
  v1::Role role;
  role.set_name(record.name());
  *role.mutable_claims() = record.claims();
  return role;
}

void SetRoles(const RoleNames& roles, UserRecord* user) {
  user->clear_roles();
  for (const std::string& role : roles) {
    if (!Contains(user->roles(), role)) user->add_roles(role);
  }
}

AccountChange PutUser(const UserRecord& user) { return {AccountChange::Kind::kPutUser, user, {}}; }

AccountChange PutRoleRecord(const RoleRecord& role) {
  return {AccountChange::Kind::kPutRole, {}, role};
}

// One page of `entries_after`, as messages.
template <typename Request, typename EntriesAfter, typename Message, typename Response>
absl::Status FillPage(const Request& request, const EntriesAfter& entries_after,
                      const Message& message_of, google::protobuf::RepeatedPtrField<Response>* page,
                      std::string* next_page_token) {
  if (request.page_size() < 0) return wire::FieldError("page_size", "must not be negative");
  const int size =
      request.page_size() == 0 ? kPageSizeMax : std::min(request.page_size(), kPageSizeMax);
  std::string after;
  if (!absl::WebSafeBase64Unescape(request.page_token(), &after)) {
    return wire::FieldError("page_token", "must be the next_page_token of a previous response");
  }
  // One more tells whether there is another page.
  const auto entries = entries_after(after, static_cast<size_t>(size) + 1);
  size_t bytes = 0;
  for (const auto& entry : entries) {
    Response message = message_of(entry->record);
    bytes += message.ByteSizeLong();
    if (page->size() == size || (!page->empty() && bytes > kPageBytesMax)) {
      *next_page_token = Base64Url(page->rbegin()->name());
      break;
    }
    *page->Add() = std::move(message);
  }
  return absl::OkStatus();
}

}  // namespace

AccountAdmin::AccountAdmin(AccountAdminOptions options, AccountStore* store,
                           AccountDirectory* directory, SessionRegistry* sessions,
                           PasswordChecker* passwords, const TokenAuthority* tokens)
    : options_(std::move(options)),
      store_(store),
      directory_(directory),
      sessions_(sessions),
      passwords_(passwords),
      tokens_(tokens) {}

absl::StatusOr<ScopePtr> AccountAdmin::CurrentScope(const Identity& caller) const {
  if (options_.clock() >= caller.grant->expire_time) {
    return wire::Error(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED",
                       "the token has expired; get a new one");
  }
  return directory_->Evaluate(*caller.grant);
}

absl::StatusOr<ScopePtr> AccountAdmin::Require(const Identity& caller, absl::string_view area,
                                               absl::string_view action,
                                               absl::string_view name) const {
  auto scope = CurrentScope(caller);
  if (!scope.ok()) return scope.status();
  const Decision decision = (*scope)->Check(area, action, name);
  if (decision.allowed) return scope;
  return ClaimMissing("this call", decision, area, action, name);
}

absl::StatusOr<DirectoryUserPtr> AccountAdmin::FindUser(absl::string_view name) const {
  DirectoryUserPtr user = directory_->FindUser(name);
  if (user == nullptr) return NotFound("user", name);
  return user;
}

absl::Status AccountAdmin::CheckRoles(const Scope& scope, const RoleNames& roles,
                                      const RoleNames& held) const {
  if (roles.size() > kRolesPerUserMax) return wire::FieldError("roles", "at most 100");
  for (int i = 0; i < roles.size(); ++i) {
    const std::string& name = roles[i];
    const std::string field = absl::StrCat("roles[", i, "]");
    if (absl::Status good = CheckName(field, name); !good.ok()) return good;
    const DirectoryRolePtr role = directory_->FindRole(name);
    if (role == nullptr) {
      return wire::FieldError(field, absl::StrCat("there is no role \"", name, "\""));
    }
    if (Contains(held, name)) continue;
    for (const CompiledClaim& claim : role->claims) {
      if (scope.CoversClaim(claim)) continue;
      return wire::Error(absl::StatusCode::kPermissionDenied, "CLAIM_MISSING",
                         absl::StrCat(field, ": giving someone the role \"", name,
                                      "\" takes all of its claims oneself"));
    }
  }
  return absl::OkStatus();
}

absl::Status AccountAdmin::Commit(absl::Span<const AccountChange> changes) {
  if (absl::Status stored = store_->Apply(changes); !stored.ok()) return stored;
  return directory_->Apply(changes);
}

absl::Status AccountAdmin::CommitUser(const UserRecord& user) { return Commit({PutUser(user)}); }

absl::StatusOr<bool> AccountAdmin::CreateFirstUser(absl::string_view name,
                                                   absl::string_view password) {
  if (directory_->user_count() > 0) return false;
  if (absl::Status good = CheckName("name", name); !good.ok()) return good;
  if (absl::Status good = CheckNewPassword("password", password); !good.ok()) return good;
  auto hash = passwords_->Hash(password);
  if (!hash.ok()) return hash.status();
  RoleRecord role;
  role.set_name(kFirstRole);
  *role.add_claims() = CompiledClaim::Everything().ToProto();
  UserRecord user;
  user.set_name(std::string(name));
  user.add_roles(kFirstRole);
  SetTimestamp(options_.clock(), user.mutable_create_time());
  user.set_password_hash(*std::move(hash));
  user.set_secret(RandomBytes(kSecretBytes));
  absl::MutexLock lock(&change_mu_);
  if (directory_->user_count() > 0) return false;
  absl::Status committed = Commit({PutRoleRecord(role), PutUser(user)});
  if (!committed.ok()) return committed;
  return true;
}

absl::StatusOr<v1::User> AccountAdmin::CreateUser(const Identity& caller,
                                                  const v1::CreateUserRequest& request) {
  const auto check = [&]() -> absl::Status {
    const auto scope = Require(caller, "users", "create", request.name());
    if (!scope.ok()) return scope.status();
    if (absl::Status good = CheckName("name", request.name()); !good.ok()) return good;
    if (directory_->FindUser(request.name()) != nullptr) {
      return wire::Error(absl::StatusCode::kAlreadyExists, "ACCOUNT_EXISTS",
                         absl::StrCat("there is a user \"", request.name(), "\" already"));
    }
    if (directory_->user_count() >= options_.users_max) return Exhausted("users");
    return CheckRoles(**scope, request.roles(), {});
  };
  // Before the hash to save its work, and after it because it takes long.
  if (absl::Status good = check(); !good.ok()) return good;
  UserRecord user;
  user.set_name(request.name());
  if (!request.password().empty()) {
    absl::Status good = CheckNewPassword("password", request.password());
    if (!good.ok()) return good;
    auto hash = passwords_->Hash(request.password());
    if (!hash.ok()) return hash.status();
    user.set_password_hash(*std::move(hash));
  }
  SetRoles(request.roles(), &user);
  SetTimestamp(options_.clock(), user.mutable_create_time());
  user.set_secret(RandomBytes(kSecretBytes));
  absl::MutexLock lock(&change_mu_);
  if (absl::Status good = check(); !good.ok()) return good;
  if (absl::Status committed = CommitUser(user); !committed.ok()) return committed;
  return UserOf(user);
}

absl::StatusOr<v1::User> AccountAdmin::GetUser(const Identity& caller,
                                               const v1::GetUserRequest& request) {
  const auto scope = Require(caller, "users", "get", request.name());
  if (!scope.ok()) return scope.status();
  const auto user = FindUser(request.name());
  if (!user.ok()) return user.status();
  return UserOf((*user)->record);
}

absl::StatusOr<v1::ListUsersResponse> AccountAdmin::ListUsers(const Identity& caller,
                                                              const v1::ListUsersRequest& request) {
  const auto scope = Require(caller, "users", "list", "*");
  if (!scope.ok()) return scope.status();
  v1::ListUsersResponse response;
  const auto users_after = [this](absl::string_view after, size_t count) {
    return directory_->UsersAfter(after, count);
  };
  absl::Status filled = FillPage(request, users_after, UserOf, response.mutable_users(),
                                 response.mutable_next_page_token());
  if (!filled.ok()) return filled;
  return response;
}

absl::StatusOr<v1::User> AccountAdmin::SetUserRoles(const Identity& caller,
                                                    const v1::SetUserRolesRequest& request) {
  UserRecord record;
  {
    absl::MutexLock lock(&change_mu_);
    const auto scope = Require(caller, "users", "update", request.name());
    if (!scope.ok()) return scope.status();
    const auto user = FindUser(request.name());
    if (!user.ok()) return user.status();
    record = (*user)->record;
    absl::Status good = CheckRoles(**scope, request.roles(), record.roles());
    if (!good.ok()) return good;
    SetRoles(request.roles(), &record);
    if (directory_->WouldLoseLastSuperuser(PutUser(record))) return LastSuperuser();
    if (absl::Status committed = CommitUser(record); !committed.ok()) return committed;
  }
  sessions_->Reevaluate({request.name()});
  return UserOf(record);
}

absl::Status AccountAdmin::SetUserPassword(const Identity& caller,
                                           const v1::SetUserPasswordRequest& request) {
  // Before the hash to save its work, and after it because it takes long.
  const auto allowed = Require(caller, "users", "password", request.name());
  if (!allowed.ok()) return allowed.status();
  if (const auto user = FindUser(request.name()); !user.ok()) return user.status();
  if (absl::Status good = CheckNewPassword("password", request.password()); !good.ok()) return good;
  auto hash = passwords_->Hash(request.password());
  if (!hash.ok()) return hash.status();
  {
    absl::MutexLock lock(&change_mu_);
    const auto scope = Require(caller, "users", "password", request.name());
    if (!scope.ok()) return scope.status();
    const auto user = FindUser(request.name());
    if (!user.ok()) return user.status();
    UserRecord record = (*user)->record;
    record.set_password_hash(*std::move(hash));
    record.set_secret(RandomBytes(kSecretBytes));
    if (absl::Status committed = CommitUser(record); !committed.ok()) return committed;
  }
  sessions_->Reevaluate({request.name()});
  return absl::OkStatus();
}

absl::Status AccountAdmin::RevokeUserTokens(const Identity& caller,
                                            const v1::RevokeUserTokensRequest& request) {
  {
    absl::MutexLock lock(&change_mu_);
    const auto scope = Require(caller, "users", "revoke", request.name());
    if (!scope.ok()) return scope.status();
    const auto user = FindUser(request.name());
    if (!user.ok()) return user.status();
    UserRecord record = (*user)->record;
    record.set_secret(RandomBytes(kSecretBytes));
    if (absl::Status committed = CommitUser(record); !committed.ok()) return committed;
  }
  sessions_->Reevaluate({request.name()});
  return absl::OkStatus();
}

absl::Status AccountAdmin::DeleteUser(const Identity& caller,
                                      const v1::DeleteUserRequest& request) {
  {
    absl::MutexLock lock(&change_mu_);
    const auto scope = Require(caller, "users", "delete", request.name());
    if (!scope.ok()) return scope.status();
    const auto user = FindUser(request.name());
    if (!user.ok()) return user.status();
    const AccountChange change{AccountChange::Kind::kDeleteUser, (*user)->record, {}};
    if (directory_->WouldLoseLastSuperuser(change)) return LastSuperuser();
    if (absl::Status committed = Commit({change}); !committed.ok()) return committed;
  }
  sessions_->Reevaluate({request.name()});
  return absl::OkStatus();
}

absl::StatusOr<v1::GrantTokenResponse> AccountAdmin::GrantToken(
    const Identity& caller, const v1::GrantTokenRequest& request) {
  // Else a caller whose credentials are revoked at this moment could be given a token that outlives
  // it.
  absl::MutexLock lock(&change_mu_);
  const auto scope = Require(caller, "users", "token", request.name());
  const bool own = request.name() == caller.principal();
  if (!scope.ok() && !(own && absl::IsPermissionDenied(scope.status()))) return scope.status();
  const auto user = FindUser(request.name());
  if (!user.ok()) return user.status();
  const auto grant = TokenGrant(request, **user, scope.ok() ? nullptr : caller.grant.get(),
                                options_.token_ttl_max, options_.clock());
  if (!grant.ok()) return grant.status();
  v1::GrantTokenResponse response;
  response.set_token(tokens_->IssueToken(**user, *grant));
  SetTimestamp(grant->expire_time, response.mutable_expire_time());
  return response;
}

absl::StatusOr<v1::Role> AccountAdmin::PutRole(const Identity& caller,
                                               const v1::PutRoleRequest& request) {
  const v1::Role& role = request.role();
  RoleRecord record;
  record.set_name(role.name());
  *record.mutable_claims() = role.claims();
  {
    absl::MutexLock lock(&change_mu_);
    const auto scope = Require(caller, "roles", "put", role.name());
    if (!scope.ok()) return scope.status();
    if (absl::Status good = CheckRole(role, **scope); !good.ok()) return good;
    if (directory_->FindRole(role.name()) == nullptr &&
        directory_->role_count() >= options_.roles_max) {
      return Exhausted("roles");
    }
    if (directory_->WouldLoseLastSuperuser(PutRoleRecord(record))) return LastSuperuser();
    if (absl::Status committed = Commit({PutRoleRecord(record)}); !committed.ok()) return committed;
  }
  sessions_->Reevaluate(directory_->UsersWithRole(role.name()));
  return RoleOf(record);
}

absl::StatusOr<v1::ListRolesResponse> AccountAdmin::ListRoles(const Identity& caller,
                                                              const v1::ListRolesRequest& request) {
  const auto scope = Require(caller, "roles", "list", "*");
  if (!scope.ok()) return scope.status();
  v1::ListRolesResponse response;
  const auto roles_after = [this](absl::string_view after, size_t count) {
    return directory_->RolesAfter(after, count);
  };
  absl::Status filled = FillPage(request, roles_after, RoleOf, response.mutable_roles(),
                                 response.mutable_next_page_token());
  if (!filled.ok()) return filled;
  return response;
}

absl::Status AccountAdmin::DeleteRole(const Identity& caller,
                                      const v1::DeleteRoleRequest& request) {
  absl::MutexLock lock(&change_mu_);
  const auto scope = Require(caller, "roles", "delete", request.name());
  if (!scope.ok()) return scope.status();
  const DirectoryRolePtr role = directory_->FindRole(request.name());
  if (role == nullptr) return NotFound("role", request.name());
  if (!directory_->UsersWithRole(request.name()).empty()) {
    return wire::Error(absl::StatusCode::kFailedPrecondition, "ROLE_IN_USE",
                       "users have this role; take it from them first");
  }
  return Commit({AccountChange{AccountChange::Kind::kDeleteRole, {}, role->record}});
}

}  // namespace carillon::access
