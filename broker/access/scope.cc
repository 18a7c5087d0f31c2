#include "broker/access/scope.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/access/crypto.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

// A claim may be long lists; in a message its beginning tells enough.
std::string Shortened(absl::string_view text) {
  constexpr size_t kBytesMax = 200;
  if (text.size() <= kBytesMax) return std::string(text);
  size_t end = kBytesMax;
  while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
  return absl::StrCat(text.substr(0, end), "…");
}

std::string ScopeId(const std::vector<CompiledClaim>& claims,
                    const std::optional<CompiledClaim>& narrowing) {
  std::string text;
  if (narrowing.has_value()) AppendPart(narrowing->text(), &text);
  text += '/';
  for (const CompiledClaim& claim : claims) AppendPart(claim.text(), &text);
  return Base64Url(Sha256(text));
}

}  // namespace

absl::Status ClaimMissing(absl::string_view what, const Decision& decision, absl::string_view scope,
                          absl::string_view action, absl::string_view specific) {
  return wire::Error(absl::StatusCode::kPermissionDenied, "CLAIM_MISSING",
                     absl::StrCat(what, " ", decision.reason),
                     {{"scope", scope}, {"action", action}, {"specific", specific}});
}

Scope::Scope(std::vector<CompiledClaim> claims, std::optional<CompiledClaim> narrowing)
    : claims_(CompiledClaim::Normalize(std::move(claims))), narrowing_(std::move(narrowing)) {
  if (narrowing_.has_value() && narrowing_->covers_everything()) narrowing_.reset();
  unlimited_ = !claims_.empty() && claims_.front().covers_everything();
  if (unlimited_ && narrowing_.has_value()) {
    // Everything narrowed to a claim is that claim.
    claims_ = {*std::exchange(narrowing_, std::nullopt)};
    unlimited_ = false;
  }
  id_ = ScopeId(claims_, narrowing_);
  for (uint32_t i = 0; i < claims_.size(); ++i) {
    if (claims_[i].scope_.any) claims_for_any_scope_.push_back(i);
    for (const std::string& value : claims_[i].scope_.values) claims_by_scope_[value].push_back(i);
  }
}

const CompiledClaim* Scope::FindCovering(absl::string_view scope, absl::string_view action,
                                         absl::string_view specific) const {
  for (const uint32_t i : claims_for_any_scope_) {
    if (claims_[i].Covers(scope, action, specific)) return &claims_[i];
  }
  const auto found = claims_by_scope_.find(scope);
  if (found == claims_by_scope_.end()) return nullptr;
  for (const uint32_t i : found->second) {
    if (claims_[i].Covers(scope, action, specific)) return &claims_[i];
  }
  return nullptr;
}

bool Scope::Covers(absl::string_view scope, absl::string_view action,
                   absl::string_view specific) const {
  if (unlimited_) return true;
  if (narrowing_.has_value() && !narrowing_->Covers(scope, action, specific)) return false;
  return FindCovering(scope, action, specific) != nullptr;
}

Decision Scope::Check(absl::string_view scope, absl::string_view action,
                      absl::string_view specific) const {
  const CompiledClaim* covering = FindCovering(scope, action, specific);
  if (covering == nullptr) {
    return {false, absl::StrCat("needs the claim ", Shortened(ClaimText(scope, action, specific)))};
  }
  if (narrowing_.has_value() && !narrowing_->Covers(scope, action, specific)) {
    return {false, absl::StrCat("needs the claim ", Shortened(ClaimText(scope, action, specific)),
                                ", but the token is narrowed to ", Shortened(narrowing_->text()))};
  }
  return {true, absl::StrCat("covered by the claim ", Shortened(covering->text()))};
}

bool Scope::CoversPart(const CompiledClaim& part) const {
  return std::any_of(claims_.begin(), claims_.end(),
                     [&part](const CompiledClaim& claim) { return claim.Covers(part); });
}

bool Scope::CoversClaim(const CompiledClaim& claim) const {
  if (unlimited_) return true;
  if (narrowing_.has_value() && !narrowing_->Covers(claim)) return false;
  if (CoversPart(claim)) return true;
  // Several claims may cover it together: ask value by value.
  const size_t scopes = claim.scope_.count();
  const size_t actions = claim.action_.count();
  const size_t specifics = claim.specific_.count();
  if (scopes * actions * specifics > kClaimPartsMax) return false;
  for (size_t s = 0; s < scopes; ++s) {
    for (size_t a = 0; a < actions; ++a) {
      for (size_t k = 0; k < specifics; ++k) {
        if (!CoversPart(CompiledClaim(claim.scope_.Only(s), claim.action_.Only(a),
                                      claim.specific_.Only(k)))) {
          return false;
        }
      }
    }
  }
  return true;
}

}  // namespace carillon::access
