#include <algorithm>
#include <iterator>
#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "broker/access/names.h"
#include "broker/access/scope.h"

namespace carillon::access {
namespace {

constexpr size_t kMemberBytesMax = 4096;
constexpr absl::string_view kAny = "*";

std::string Escape(absl::string_view value) {
  return absl::StrReplaceAll(value, {{"\\", "\\\\"}, {".", "\\1"}});
}

}  // namespace

std::string ClaimText(absl::string_view scope, absl::string_view action,
                      absl::string_view specific) {
  return absl::StrCat(Escape(scope), ".", Escape(action), ".", Escape(specific));
}

bool CompiledClaim::Values::Contains(absl::string_view value) const {
  if (any) return true;
  const auto found = std::lower_bound(values.begin(), values.end(), value);
  return found != values.end() && *found == value;
}

bool CompiledClaim::Values::Contains(const Values& other) const {
  if (any) return true;
  return !other.any &&
         std::includes(values.begin(), values.end(), other.values.begin(), other.values.end());
}

void CompiledClaim::Values::Merge(const Values& other) {
  any = any || other.any;
  if (any) {
    values.clear();
    return;
  }
  std::vector<std::string> merged;
  std::set_union(values.begin(), values.end(), other.values.begin(), other.values.end(),
                 std::back_inserter(merged));
  values = std::move(merged);
}

std::string CompiledClaim::Values::Join() const {
  return any ? std::string(kAny) : absl::StrJoin(values, ",");
}

std::string CompiledClaim::Values::Text() const { return Escape(Join()); }

CompiledClaim::CompiledClaim(Values scope, Values action, Values specific)
    : scope_(std::move(scope)),
      action_(std::move(action)),
      specific_(std::move(specific)),
      text_(absl::StrCat(scope_.Text(), ".", action_.Text(), ".", specific_.Text())) {}

absl::StatusOr<CompiledClaim::Values> CompiledClaim::ParseMember(absl::string_view name,
                                                                 absl::string_view text) {
  const auto fault = [name](absl::string_view what) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", what));
  };
  if (text.size() > kMemberBytesMax) return fault("at most 4,096 bytes");
  if (!IsPlainText(text)) return fault("must be UTF-8 without control characters");
  Values member;
  for (const absl::string_view item : absl::StrSplit(text, ',')) {
    const absl::string_view value = absl::StripAsciiWhitespace(item);
    if (value.empty()) return fault("must be \"*\", a value, or values parted by commas");
    if (value == kAny) member.any = true;
    member.values.emplace_back(value);
  }
  if (member.any) member.values.clear();
  std::sort(member.values.begin(), member.values.end());
  member.values.erase(std::unique(member.values.begin(), member.values.end()), member.values.end());
  return member;
}

absl::StatusOr<CompiledClaim> CompiledClaim::Compile(const v1::Claim& claim) {
  auto scope = ParseMember("scope", claim.scope());
  if (!scope.ok()) return scope.status();
  auto action = ParseMember("action", claim.action());
  if (!action.ok()) return action.status();
  auto specific = ParseMember("specific", claim.specific());
  if (!specific.ok()) return specific.status();
  return CompiledClaim(*std::move(scope), *std::move(action), *std::move(specific));
}

CompiledClaim CompiledClaim::Everything() {
  return CompiledClaim(Values{true, {}}, Values{true, {}}, Values{true, {}});
}

std::vector<CompiledClaim> CompiledClaim::Normalize(std::vector<CompiledClaim> claims) {
  const bool everything = std::any_of(claims.begin(), claims.end(), [](const CompiledClaim& claim) {
    return claim.covers_everything();
  });
  if (everything) return {Everything()};
  const auto by_text = [](const CompiledClaim& a, const CompiledClaim& b) {
    return a.text_ < b.text_;
  };
  // The text begins with scope and action, so claims that share both become neighbours.
  std::sort(claims.begin(), claims.end(), by_text);
  std::vector<CompiledClaim> normal;
  for (size_t i = 0; i < claims.size();) {
    Values specific = std::move(claims[i].specific_);
    size_t next = i + 1;
    for (; next < claims.size() && claims[next].scope_ == claims[i].scope_ &&
           claims[next].action_ == claims[i].action_;
         ++next) {
      specific.Merge(claims[next].specific_);
    }
    normal.push_back(CompiledClaim(std::move(claims[i].scope_), std::move(claims[i].action_),
                                   std::move(specific)));
    i = next;
  }
  std::sort(normal.begin(), normal.end(), by_text);
  return normal;
}

CompiledClaim::Values CompiledClaim::Common(const Values& a, const Values& b) {
  if (a.any) return b;
  if (b.any) return a;
  Values common;
  std::set_intersection(a.values.begin(), a.values.end(), b.values.begin(), b.values.end(),
                        std::back_inserter(common.values));
  return common;
}

std::optional<CompiledClaim> CompiledClaim::Intersection(const CompiledClaim& a,
                                                         const CompiledClaim& b) {
  CompiledClaim common(Common(a.scope_, b.scope_), Common(a.action_, b.action_),
                       Common(a.specific_, b.specific_));
  for (const Values* member : {&common.scope_, &common.action_, &common.specific_}) {
    if (member->count() == 0) return std::nullopt;
  }
  return common;
}

bool CompiledClaim::Covers(absl::string_view scope, absl::string_view action,
                           absl::string_view specific) const {
  return scope_.Contains(scope) && action_.Contains(action) && specific_.Contains(specific);
}

bool CompiledClaim::Covers(const CompiledClaim& other) const {
  return scope_.Contains(other.scope_) && action_.Contains(other.action_) &&
         specific_.Contains(other.specific_);
}

v1::Claim CompiledClaim::ToProto() const {
  v1::Claim claim;
  claim.set_scope(scope_.Join());
  claim.set_action(action_.Join());
  claim.set_specific(specific_.Join());
  return claim;
}

}  // namespace carillon::access
