#include "broker/access/session_id.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "broker/access/crypto.h"
#include "broker/access/session_id.pb.h"

namespace carillon::access {
namespace {

constexpr size_t kNonceBytes = 12;
constexpr size_t kSealBytes = 16;

std::string Seal(absl::string_view payload, absl::string_view owner, absl::string_view key) {
  std::string sealed;
  AppendPart(owner, &sealed);
  AppendPart(payload, &sealed);
  return HmacSha256(key, sealed).substr(0, kSealBytes);
}

}  // namespace

std::string SealSessionId(const Grant& grant, absl::string_view owner, absl::string_view key) {
  SessionIdPayload payload;
  payload.set_nonce(RandomBytes(kNonceBytes));
  payload.set_principal(grant.principal);
  payload.set_secret_digest(grant.secret_digest);
  for (const std::string& role : grant.roles) payload.add_roles(role);
  if (grant.claim.has_value()) *payload.mutable_claim() = *grant.claim;
  if (grant.expire_time != absl::InfiniteFuture()) {
    payload.set_expire_time(absl::ToUnixSeconds(grant.expire_time));
  }
  const std::string bytes = payload.SerializeAsString();
  return Base64Url(absl::StrCat(bytes, Seal(bytes, owner, key)));
}

std::optional<Grant> UnsealSessionId(absl::string_view id, absl::string_view owner,
                                     absl::string_view key) {
  std::string bytes;
  if (!absl::WebSafeBase64Unescape(id, &bytes) || bytes.size() < kSealBytes) return std::nullopt;
  // Another text for the same bytes would be another session.
  if (Base64Url(bytes) != id) return std::nullopt;
  const std::string seal = bytes.substr(bytes.size() - kSealBytes);
  bytes.resize(bytes.size() - kSealBytes);
  SessionIdPayload payload;
  if (!ConstantTimeEqual(seal, Seal(bytes, owner, key)) || !payload.ParseFromString(bytes)) {
    return std::nullopt;
  }
  Grant grant;
  grant.principal = payload.principal();
  grant.secret_digest = payload.secret_digest();
  grant.roles.assign(payload.roles().begin(), payload.roles().end());
  if (payload.has_claim()) grant.claim = payload.claim();
  if (payload.has_expire_time()) grant.expire_time = absl::FromUnixSeconds(payload.expire_time());
  return grant;
}

}  // namespace carillon::access
