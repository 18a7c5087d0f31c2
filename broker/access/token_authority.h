// Issues tokens and session ids for accounts, and tells what grant one holds.
#ifndef CARILLON_BROKER_ACCESS_TOKEN_AUTHORITY_H_
#define CARILLON_BROKER_ACCESS_TOKEN_AUTHORITY_H_

#include <functional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/access/account_directory.h"
#include "broker/access/session.h"
#include "broker/access/token.h"

namespace carillon::access {

// A user's tokens are signed with HMAC-SHA256(server secret, user's secret): a new secret ends them
// all. Session ids are sealed with a key of the server alone, so that one can tell why it is no
// longer good. Any thread.
class TokenAuthority {
 public:
  // `directory` must outlive it.
  TokenAuthority(std::string server_secret, const AccountDirectory* directory,
                 std::function<absl::Time()> clock);

  // A token for `user` with the narrowing and expire_time of `grant`.
  std::string IssueToken(const DirectoryUser& user, const Grant& grant) const;

  // UNAUTHENTICATED: CREDENTIALS_INVALID, TOKEN_EXPIRED, or TOKEN_REVOKED. The last is also what
  // tokens of users get that never were, so that nobody learns who there is.
  absl::StatusOr<Grant> CheckToken(absl::string_view token) const;

  // As SealSessionId.
  std::string IssueSessionId(const std::string& owner, const Grant& grant) const;

  // UNAUTHENTICATED, SESSION_UNKNOWN: not an id that was issued to `owner`. The accounts and the
  // clock are not looked at.
  absl::StatusOr<Grant> CheckSessionId(absl::string_view owner, absl::string_view id) const;

 private:
  std::string KeyOf(const DirectoryUser& user) const;

  const std::string server_secret_;
  const std::string session_key_;
  const AccountDirectory* const directory_;
  const std::function<absl::Time()> clock_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_TOKEN_AUTHORITY_H_
