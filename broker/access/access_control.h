// Decides who someone is and what they may do: credentials, sessions, users, roles and tokens.
#ifndef CARILLON_BROKER_ACCESS_ACCESS_CONTROL_H_
#define CARILLON_BROKER_ACCESS_ACCESS_CONTROL_H_

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "broker/access/account_admin.h"
#include "broker/access/account_directory.h"
#include "broker/access/account_store.h"
#include "broker/access/password_checker.h"
#include "broker/access/recent_map.h"
#include "broker/access/session.h"
#include "broker/access/session_registry.h"
#include "broker/access/token_authority.h"

namespace carillon::access {

struct AccessOptions {
  // Password checks at a time (each takes about 0.4 s of a core and 128 MiB), and how many more may
  // wait.
  int password_checks_max = 1;
  int password_checks_waiting_max = 64;
  // How long a verified password is remembered, under a keyed hash, in memory.
  absl::Duration password_memory = absl::Minutes(5);
  // For new passwords; a check goes by what is written in the stored hash.
  ScryptCost password_cost;
  // Verified tokens remembered, so that the next call with one costs a look-up.
  size_t tokens_remembered_max = 100'000;
  absl::Duration token_ttl_max = absl::Hours(24 * 366);
  // Sessions that facades hold, all together.
  size_t sessions_max = 1'000'000;
  size_t users_max = 1'000'000;
  size_t roles_max = 10'000;
  // Called by any thread.
  std::function<absl::Time()> clock = absl::Now;
};

// Any thread, but for Create, SetListener and the destructor.
class AccessControl {
 public:
  // Loads the accounts. `store` must outlive it.
  static absl::StatusOr<std::unique_ptr<AccessControl>> Create(AccountStore* store,
                                                               const AccessOptions& options);
  // Sessions may outlive it; they stay as they are.
  ~AccessControl();

  // Once, before the first session. Must outlive this or be set to null.
  void SetListener(SessionListener* listener);

  // Makes, if there are no users at all, the user `name` with this password and the role
  // "superuser" (everything). True if it did. Blocks.
  absl::StatusOr<bool> CreateFirstUser(absl::string_view name, absl::string_view password) {
    return admin_->CreateFirstUser(name, password);
  }

  bool HasUsers() const { return directory_->user_count() > 0; }

  // Checks an Authorization header value: "Bearer <token>" or "Basic <base64(user:password)>"
  // (scheme in any case), at most 8 KiB. Calls `done` once: at once if it can tell without hashing
  // a password, else later from another thread, which `done` must not hold up. UNAUTHENTICATED
  // (reason CREDENTIALS_MISSING, CREDENTIALS_INVALID, TOKEN_EXPIRED, TOKEN_REVOKED);
  // RESOURCE_EXHAUSTED (reason PASSWORD_CHECKS_BUSY) with RetryInfo; UNAVAILABLE after
  // StopPasswordChecks. Messages never contain any of the header.
  using AuthenticateCallback = std::function<void(absl::StatusOr<Identity>)>;
  void Authenticate(absl::string_view authorization, AuthenticateCallback done);

  // The identity of a user whose name was proven by other means: a verified client certificate.
  // UNAUTHENTICATED (CREDENTIALS_INVALID): there is no such user.
  absl::StatusOr<Identity> Identify(absl::string_view user) const;

  // For shutdown: answers password checks that wait with UNAVAILABLE and refuses new ones.
  void StopPasswordChecks() { passwords_->Stop(); }

  // A session for a stream of the user's own. It ends when the last reference goes.
  // UNAUTHENTICATED (SESSION_EXPIRED, TOKEN_REVOKED, USER_REMOVED): no longer good.
  absl::StatusOr<SessionPtr> OpenOwnSession(const Identity& identity);

  // Sessions that `owner`, a facade, holds for users. The id is a signed text that holds the grant,
  // so it can be resumed after a restart.
  //
  // PERMISSION_DENIED: the owner lacks the claim {sessions, open, USER}. UNAUTHENTICATED: as above,
  // or SESSION_UNKNOWN for what is not an id of this owner. RESOURCE_EXHAUSTED: sessions_max are in
  // use at this moment (else the ones unused for longest end, to make room).
  absl::StatusOr<SessionPtr> OpenSession(const Identity& owner, const Identity& user);
  // The same with the rights of now: what came between may have taken long. UNAUTHENTICATED: the
  // credentials are void by now.
  absl::StatusOr<Identity> Renew(const Identity& identity) const;
  absl::StatusOr<SessionPtr> ResumeSession(const Identity& owner, absl::string_view session_id);
  // A session in force. UNAUTHENTICATED: why it is not. PERMISSION_DENIED as above.
  absl::StatusOr<SessionPtr> FindSession(const Identity& owner, absl::string_view session_id);
  // Ends them and returns when the listener knows; unknown ones are passed over. Blocks.
  void CloseSessions(const std::string& owner, absl::Span<const std::string> session_ids);

  // Ends what has expired by the clock, and returns when the listener knows of all that has ended.
  // A thread of this object does it in time; a test with its own clock calls it.
  void EndDueSessions() { sessions_->EndDue(); }

  // The calls of AccountService.
  AccountAdmin& admin() { return *admin_; }

  // For metrics: sessions in force, those of them that facades hold, password hashes computed.
  size_t session_count() const { return sessions_->size(); }
  size_t facade_session_count() const { return sessions_->facade_sessions(); }
  int64_t password_hash_count() const { return passwords_->hash_count(); }

 private:
  // A token that was verified, and its scope at a generation of the accounts.
  struct RememberedToken {
    Identity identity;
    uint64_t generation = 0;
  };

  AccessControl(AccountStore* store, const AccessOptions& options, std::string server_secret,
                std::unique_ptr<AccountDirectory> directory);

  absl::StatusOr<Identity> AuthenticateToken(absl::string_view token);
  void AuthenticatePassword(absl::string_view encoded, AuthenticateCallback done);
  // Who a user is whose password was just found good by the record `checked`.
  absl::StatusOr<Identity> IdentityAfterPassword(const DirectoryUser& checked) const;
  absl::StatusOr<Identity> IdentityOf(const DirectoryUser& user) const;

  const std::function<absl::Time()> clock_;
  const std::string memory_secret_;
  const std::unique_ptr<AccountDirectory> directory_;
  const TokenAuthority tokens_;
  RecentMap<RememberedToken> remembered_tokens_;
  const std::shared_ptr<SessionRegistry> sessions_;
  std::unique_ptr<PasswordChecker> passwords_;
  std::unique_ptr<AccountAdmin> admin_;
  std::thread session_thread_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_ACCESS_CONTROL_H_
