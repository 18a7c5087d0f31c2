// The calls of AccountService: who may change which account, and the change itself.
#ifndef CARILLON_BROKER_ACCESS_ACCOUNT_ADMIN_H_
#define CARILLON_BROKER_ACCESS_ACCOUNT_ADMIN_H_

#include <cstddef>
#include <functional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "broker/access/account_directory.h"
#include "broker/access/account_store.h"
#include "broker/access/password_checker.h"
#include "broker/access/session.h"
#include "broker/access/session_registry.h"
#include "broker/access/token_authority.h"

namespace carillon::access {

struct AccountAdminOptions {
  absl::Duration token_ttl_max;
  size_t users_max = 0;
  size_t roles_max = 0;
  std::function<absl::Time()> clock;
};

// Each call checks the caller's claims as they are now, blocks (disk, password hashing), and
// returns after the change is in force everywhere. Codes as in account_service.proto, and:
//   PERMISSION_DENIED, CLAIM_MISSING: the message names the claim it takes
//   UNAUTHENTICATED: the caller's own credentials are no longer good
//   FAILED_PRECONDITION, LAST_SUPERUSER: nobody would be left who holds everything
//   FAILED_PRECONDITION, ROLE_IN_USE
//   RESOURCE_EXHAUSTED, ACCOUNTS_EXHAUSTED: as many users or roles as there may be
// The claims {users, token, NAME} and {users, password, NAME} amount to being NAME.
//
// Any thread. Lock order: change_mu_ before those of the registry and the directory.
class AccountAdmin {
 public:
  // All must outlive it.
  AccountAdmin(AccountAdminOptions options, AccountStore* store, AccountDirectory* directory,
               SessionRegistry* sessions, PasswordChecker* passwords, const TokenAuthority* tokens);

  // As AccessControl::CreateFirstUser.
  absl::StatusOr<bool> CreateFirstUser(absl::string_view name, absl::string_view password);

  absl::StatusOr<v1::User> CreateUser(const Identity& caller, const v1::CreateUserRequest& request);
  absl::StatusOr<v1::User> GetUser(const Identity& caller, const v1::GetUserRequest& request);
  absl::StatusOr<v1::ListUsersResponse> ListUsers(const Identity& caller,
                                                  const v1::ListUsersRequest& request);
  absl::StatusOr<v1::User> SetUserRoles(const Identity& caller,
                                        const v1::SetUserRolesRequest& request);
  absl::Status SetUserPassword(const Identity& caller, const v1::SetUserPasswordRequest& request);
  absl::Status RevokeUserTokens(const Identity& caller, const v1::RevokeUserTokensRequest& request);
  absl::Status DeleteUser(const Identity& caller, const v1::DeleteUserRequest& request);
  absl::StatusOr<v1::GrantTokenResponse> GrantToken(const Identity& caller,
                                                    const v1::GrantTokenRequest& request);
  absl::StatusOr<v1::Role> PutRole(const Identity& caller, const v1::PutRoleRequest& request);
  absl::StatusOr<v1::ListRolesResponse> ListRoles(const Identity& caller,
                                                  const v1::ListRolesRequest& request);
  absl::Status DeleteRole(const Identity& caller, const v1::DeleteRoleRequest& request);

 private:
  absl::StatusOr<ScopePtr> CurrentScope(const Identity& caller) const;
  // The caller's scope, if it covers {area, action, name}.
  absl::StatusOr<ScopePtr> Require(const Identity& caller, absl::string_view area,
                                   absl::string_view action, absl::string_view name) const;
  absl::StatusOr<DirectoryUserPtr> FindUser(absl::string_view name) const;
  // Whether `roles` exist, are not too many, and whoever has `scope` may give those that are not in
  // `held` to a user.
  absl::Status CheckRoles(const Scope& scope,
                          const google::protobuf::RepeatedPtrField<std::string>& roles,
                          const google::protobuf::RepeatedPtrField<std::string>& held) const;
  // Store first, then memory.
  absl::Status Commit(absl::Span<const AccountChange> changes)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);
  absl::Status CommitUser(const UserRecord& user) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);

  const AccountAdminOptions options_;
  AccountStore* const store_;
  AccountDirectory* const directory_;
  SessionRegistry* const sessions_;
  PasswordChecker* const passwords_;
  const TokenAuthority* const tokens_;

  // Held from the check to the commit of a change.
  absl::Mutex change_mu_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_ACCOUNT_ADMIN_H_
