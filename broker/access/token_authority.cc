#include "broker/access/token_authority.h"

#include <optional>
#include <utility>

#include "broker/access/crypto.h"
#include "broker/access/session_id.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

constexpr size_t kUniqueBytes = 16;
constexpr size_t kKeyIdBytes = 12;

absl::Status Invalid() {
  return wire::Error(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID",
                     "the token is not one of this broker");
}

absl::Status Revoked() {
  return wire::Error(
      absl::StatusCode::kUnauthenticated, "TOKEN_REVOKED",
      "the token is not good, or not any more: its user's tokens were ended, there is "
      "no such user, or another broker made it; get a new token");
}

absl::Status TokenExpired() {
  return wire::Error(absl::StatusCode::kUnauthenticated, "TOKEN_EXPIRED",
                     "the token has expired; get a new one");
}

absl::Status SessionUnknown() {
  return wire::Error(absl::StatusCode::kUnauthenticated, "SESSION_UNKNOWN",
                     "not the id of a session that this caller has opened");
}

// Tells a user's keys apart without telling anything about them.
std::string KeyId(absl::string_view key) {
  return Base64Url(HmacSha256(key, "key id").substr(0, kKeyIdBytes));
}

SignedToken MakeContent(const Grant& grant, absl::Time now) {
  SignedToken token;
  token.payload.set_sub(grant.principal);
  token.payload.set_jti(Base64Url(RandomBytes(kUniqueBytes)));
  for (const std::string& role : grant.roles) token.payload.add_roles(role);
  if (grant.claim.has_value()) *token.payload.mutable_claim() = *grant.claim;
  token.issue_time = now;
  token.expire_time = grant.expire_time;
  return token;
}

Grant GrantOf(const SignedToken& token, std::string secret_digest) {
  Grant grant;
  grant.principal = token.payload.sub();
  grant.secret_digest = std::move(secret_digest);
  grant.roles.assign(token.payload.roles().begin(), token.payload.roles().end());
  if (token.payload.has_claim()) grant.claim = token.payload.claim();
  grant.expire_time = token.expire_time;
  return grant;
}

}  // namespace

TokenAuthority::TokenAuthority(std::string server_secret, const AccountDirectory* directory,
                               std::function<absl::Time()> clock)
    : server_secret_(std::move(server_secret)),
      session_key_(HmacSha256(server_secret_, "session ids")),
      directory_(directory),
      clock_(std::move(clock)) {}

std::string TokenAuthority::KeyOf(const DirectoryUser& user) const {
  return HmacSha256(server_secret_, user.record.secret());
}

std::string TokenAuthority::IssueToken(const DirectoryUser& user, const Grant& grant) const {
  const std::string key = KeyOf(user);
  return SignToken(MakeContent(grant, clock_()), KeyId(key), key);
}

absl::StatusOr<Grant> TokenAuthority::CheckToken(absl::string_view token) const {
  const auto hint = PeekToken(token);
  if (!hint.ok()) return Invalid();
  const DirectoryUserPtr user = directory_->FindUser(hint->subject);
  if (user == nullptr) return Revoked();
  const std::string key = KeyOf(*user);
  if (hint->key_id != KeyId(key)) return Revoked();
  const auto content = VerifyToken(token, key);
  if (!content.ok() || content->payload.sub() != user->record.name()) return Invalid();
  if (clock_() >= content->expire_time) return TokenExpired();
  return GrantOf(*content, user->grant->secret_digest);
}

std::string TokenAuthority::IssueSessionId(const std::string& owner, const Grant& grant) const {
  return SealSessionId(grant, owner, session_key_);
}

absl::StatusOr<Grant> TokenAuthority::CheckSessionId(absl::string_view owner,
                                                     absl::string_view id) const {
  std::optional<Grant> grant = UnsealSessionId(id, owner, session_key_);
  if (!grant.has_value()) return SessionUnknown();
  return *std::move(grant);
}

}  // namespace carillon::access
