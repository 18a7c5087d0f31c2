#include "broker/access/account_requests.h"

#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/access/names.h"
#include "broker/access/token.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

constexpr int kClaimsPerRoleMax = 1000;
constexpr size_t kRoleBytesMax = 1 << 20;

template <typename Names>
bool Contains(const Names& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

absl::StatusOr<absl::Duration> TtlOf(const v1::GrantTokenRequest& request, absl::Duration max) {
  if (!request.has_ttl()) return std::min(absl::Hours(1), max);
  const absl::Duration ttl =
      absl::Seconds(request.ttl().seconds()) + absl::Nanoseconds(request.ttl().nanos());
  if (ttl < absl::Seconds(1) || ttl > max) {
    return wire::FieldError(
        "ttl", absl::StrCat("must be 1 second to ", absl::ToInt64Seconds(max), " seconds"));
  }
  return ttl;
}

// Tokens hold whole seconds; no token ends early for that.
absl::Time WholeSeconds(absl::Time time) {
  const absl::Time down = absl::FromUnixSeconds(absl::ToUnixSeconds(time));
  return down == time ? time : down + absl::Seconds(1);
}

absl::StatusOr<CompiledClaim> NarrowingOf(v1::Claim claim) {
  for (std::string* member :
       {claim.mutable_scope(), claim.mutable_action(), claim.mutable_specific()}) {
    // Not = "*", at which GCC 12 warns wrongly.
    if (member->empty()) member->assign(1, '*');
  }
  auto compiled = CompiledClaim::Compile(claim);
  if (!compiled.ok()) return wire::FieldErrorFromMessage(compiled.status(), "claim");
  return compiled;
}

// Narrows `grant` by the roles of the request, which the user and the `limits` must have.
absl::Status NarrowRoles(const v1::GrantTokenRequest& request, const DirectoryUser& user,
                         const Grant* limits, Grant* grant) {
  if (limits != nullptr) grant->roles = limits->roles;
  if (request.roles().empty()) return absl::OkStatus();
  std::vector<std::string> narrowed;
  for (int i = 0; i < request.roles_size(); ++i) {
    const std::string& role = request.roles(i);
    const std::string field = absl::StrCat("roles[", i, "]");
    if (absl::Status good = CheckName(field, role); !good.ok()) return good;
    const bool allowed = grant->roles.empty() || Contains(grant->roles, role);
    if (!Contains(user.record.roles(), role) || !allowed) {
      return wire::FieldError(
          field, absl::StrCat("\"", role, "\" is none of the ",
                              allowed ? "user's roles" : "roles that your own token has"));
    }
    if (!Contains(narrowed, role)) narrowed.push_back(role);
  }
  grant->roles = std::move(narrowed);
  return absl::OkStatus();
}

// Narrows `grant` by the claim of the request within that of the `limits`.
absl::Status NarrowClaim(const v1::GrantTokenRequest& request, const Grant* limits, Grant* grant) {
  if (limits != nullptr) grant->claim = limits->claim;
  if (!request.has_claim()) return absl::OkStatus();
  auto narrowing = NarrowingOf(request.claim());
  if (!narrowing.ok()) return narrowing.status();
  if (grant->claim.has_value()) {
    auto own = CompiledClaim::Compile(*grant->claim);
    if (!own.ok()) return own.status();
    auto common = CompiledClaim::Intersection(*narrowing, *own);
    if (!common.has_value()) {
      return wire::FieldError("claim", absl::StrCat("has nothing in common with ", own->text(),
                                                    ", to which your own token is narrowed"));
    }
    narrowing = *std::move(common);
  }
  if (narrowing->covers_everything()) {
    grant->claim.reset();
  } else {
    grant->claim = narrowing->ToProto();
  }
  return absl::OkStatus();
}

absl::Status CheckNarrowingSize(const Grant& grant) {
  TokenPayload payload;
  for (const std::string& role : grant.roles) payload.add_roles(role);
  if (grant.claim.has_value()) *payload.mutable_claim() = *grant.claim;
  if (NarrowingSize(payload) <= kNarrowingBytesMax) return absl::OkStatus();
  return wire::FieldError(grant.claim.has_value() ? "claim" : "roles",
                          "roles and claim of a token may take 2,048 bytes as JSON together; make "
                          "a role for what it is to do");
}

}  // namespace

absl::StatusOr<Grant> TokenGrant(const v1::GrantTokenRequest& request, const DirectoryUser& user,
                                 const Grant* limits, absl::Duration ttl_max, absl::Time now) {
  const auto ttl = TtlOf(request, ttl_max);
  if (!ttl.ok()) return ttl.status();
  Grant grant = *user.grant;
  grant.expire_time = WholeSeconds(now + *ttl);
  if (limits != nullptr) grant.expire_time = std::min(grant.expire_time, limits->expire_time);
  if (absl::Status good = NarrowRoles(request, user, limits, &grant); !good.ok()) return good;
  if (absl::Status good = NarrowClaim(request, limits, &grant); !good.ok()) return good;
  if (absl::Status good = CheckNarrowingSize(grant); !good.ok()) return good;
  return grant;
}

absl::Status CheckRole(const v1::Role& role, const Scope& scope) {
  if (absl::Status good = CheckName("role.name", role.name()); !good.ok()) return good;
  if (role.claims_size() > kClaimsPerRoleMax)
    return wire::FieldError("role.claims", "at most 1,000");
  if (role.ByteSizeLong() > kRoleBytesMax) return wire::FieldError("role", "at most 1 MiB");
  for (int i = 0; i < role.claims_size(); ++i) {
    const std::string path = absl::StrCat("role.claims[", i, "]");
    const auto claim = CompiledClaim::Compile(role.claims(i));
    if (!claim.ok()) return wire::FieldErrorFromMessage(claim.status(), path);
    if (scope.CoversClaim(*claim)) continue;
    return wire::Error(absl::StatusCode::kPermissionDenied, "CLAIM_MISSING",
                       absl::StrCat(path, ": giving a claim takes having it oneself"));
  }
  return absl::OkStatus();
}

}  // namespace carillon::access
