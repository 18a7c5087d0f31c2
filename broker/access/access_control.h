// Decides who someone is and what they may do: credentials, sessions, users, roles and tokens.
#ifndef CARILLON_BROKER_ACCESS_ACCESS_CONTROL_H_
#define CARILLON_BROKER_ACCESS_ACCESS_CONTROL_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "broker/access/account_store.h"
#include "broker/access/session.h"

namespace carillon::access {

struct AccessOptions {
  // Password checks at a time (each takes about 0.4 s of a core and 128 MiB), and how many more may
  // wait.
  int password_checks_max = 1;
  int password_checks_waiting_max = 64;
  // How long a verified password is remembered, under a keyed hash, in memory.
  absl::Duration password_memory = absl::Minutes(5);
  absl::Duration token_ttl_max = absl::Hours(24 * 366);
  // Sessions that facades hold, all together.
  size_t sessions_max = 1'000'000;
};

class AccessControl {
 public:
  // Loads the accounts. `store` must outlive it.
  static absl::StatusOr<std::unique_ptr<AccessControl>> Create(AccountStore* store,
                                                               const AccessOptions& options);
  ~AccessControl();

  // Once, before the first session.
  void SetListener(SessionListener* listener);

  // Makes, if there are no users at all, the user `name` with this password and the role
  // "superuser" (everything). True if it did. Blocks.
  absl::StatusOr<bool> CreateFirstUser(absl::string_view name, absl::string_view password);

  // Checks an Authorization header value: "Bearer <token>" or "Basic <base64(user:password)>"
  // (scheme in any case). Calls `done` once: at once if it can tell without hashing a password,
  // else later from another thread. UNAUTHENTICATED (reason CREDENTIALS_MISSING,
  // CREDENTIALS_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED); RESOURCE_EXHAUSTED (reason
  // PASSWORD_CHECKS_BUSY) with RetryInfo. Messages never contain any of the header.
  using AuthenticateCallback = std::function<void(absl::StatusOr<Identity>)>;
  void Authenticate(absl::string_view authorization, AuthenticateCallback done);

  // A session for a stream of the user's own. It ends when the last reference goes.
  absl::StatusOr<SessionPtr> OpenOwnSession(const Identity& identity);

  // Sessions that `owner`, a facade, holds for users. The id is a signed text that holds the grant,
  // so it can be resumed after a restart. RESOURCE_EXHAUSTED: sessions_max.
  absl::StatusOr<SessionPtr> OpenSession(const std::string& owner, const Identity& user);
  absl::StatusOr<SessionPtr> ResumeSession(const std::string& owner, absl::string_view session_id);
  absl::StatusOr<SessionPtr> FindSession(const std::string& owner, absl::string_view session_id);
  void CloseSession(const std::string& owner, absl::string_view session_id);

  // The calls of AccountService. They check the caller's claims, block (disk, password hashing),
  // and return after the change is in force everywhere. Codes as in account_service.proto.
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
  class Impl;
  explicit AccessControl(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_ACCESS_CONTROL_H_
