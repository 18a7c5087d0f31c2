// What someone may do: claims, and the sets of them that sessions share.
#ifndef CARILLON_BROKER_ACCESS_SCOPE_H_
#define CARILLON_BROKER_ACCESS_SCOPE_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/account_service.pb.h"

namespace carillon::access {

// Whether something is allowed, and why.
struct Decision {
  bool allowed = false;
  // The covering claim, or what claim it would take, in words: "needs the claim
  // events.post.machines".
  std::string reason;
};

// PERMISSION_DENIED, reason CLAIM_MISSING, with the claim's members in the ErrorInfo metadata; the
// message is `what` ("this call") and the reason of the decision.
absl::Status ClaimMissing(absl::string_view what, const Decision& decision, absl::string_view scope,
                          absl::string_view action, absl::string_view specific);

// A claim in words, "scope.action.specific"; within a value "." is written "\1" and "\" is "\\".
std::string ClaimText(absl::string_view scope, absl::string_view action,
                      absl::string_view specific);

// One claim, ready to be applied. Members are "*", one value or a comma-separated list; spaces
// around a value are dropped.
class CompiledClaim {
 public:
  // INVALID_ARGUMENT, with a message that begins with the faulty member's name ("specific: …"): a
  // member or a value in its list is empty, has control characters, or the member is larger than
  // 4 KiB.
  static absl::StatusOr<CompiledClaim> Compile(const v1::Claim& claim);
  // The claim that covers everything.
  static CompiledClaim Everything();

  // Claims that together cover what `claims` do, sorted, without repeats; those that differ in
  // nothing but `specific` are made one.
  static std::vector<CompiledClaim> Normalize(std::vector<CompiledClaim> claims);
  // What both cover; none if that is nothing.
  static std::optional<CompiledClaim> Intersection(const CompiledClaim& a, const CompiledClaim& b);

  bool Covers(absl::string_view scope, absl::string_view action, absl::string_view specific) const;
  // Whether all that `other` covers is covered by this one too.
  bool Covers(const CompiledClaim& other) const;
  bool covers_everything() const { return scope_.any && action_.any && specific_.any; }

  // As ClaimText, lists sorted, without repeats and joined by commas: equal for claims that cover
  // the same, different for all others.
  const std::string& text() const { return text_; }
  v1::Claim ToProto() const;

 private:
  friend class Scope;

  struct Values {
    bool any = false;
    // Sorted, without repeats; empty if `any`.
    std::vector<std::string> values;

    bool Contains(absl::string_view value) const;
    bool Contains(const Values& other) const;
    // Leaves one of the values.
    Values Only(size_t i) const { return any ? *this : Values{false, {values[i]}}; }
    size_t count() const { return any ? 1 : values.size(); }
    void Merge(const Values& other);
    std::string Join() const;
    std::string Text() const;

    bool operator==(const Values& other) const {
      return any == other.any && values == other.values;
    }
  };

  CompiledClaim(Values scope, Values action, Values specific);
  static absl::StatusOr<Values> ParseMember(absl::string_view name, absl::string_view text);
  static Values Common(const Values& a, const Values& b);

  Values scope_, action_, specific_;
  std::string text_;
};

// An authorisation scope: the union of some claims, narrowed, if a token says so, to what one more
// claim covers. Immutable but for the count of live sessions; any thread.
class Scope {
 public:
  Scope(std::vector<CompiledClaim> claims, std::optional<CompiledClaim> narrowing);

  // No allocation. For every delivered event.
  bool Covers(absl::string_view scope, absl::string_view action, absl::string_view specific) const;
  // The same with a reason. For requests.
  Decision Check(absl::string_view scope, absl::string_view action,
                 absl::string_view specific) const;
  // Whether whoever has this scope may hand `claim` to others: it covers all that `claim` covers.
  // A claim with lists that would take more than kClaimPartsMax questions to answer is refused
  // unless a single claim of this scope covers it whole.
  bool CoversClaim(const CompiledClaim& claim) const;
  static constexpr size_t kClaimPartsMax = 1'000;

  // Covers everything: need not be asked.
  bool unlimited() const { return unlimited_; }
  // 43 characters. Equal for scopes that cover the same by the same claims; reveals nothing of them
  // (a keyed hash is not needed: it is a digest that only facades see).
  const std::string& id() const { return id_; }

  // How many sessions have this scope now, or had it until a change that is not in force yet. A
  // scope without sessions lets nothing through to subscriptions.
  std::atomic<int>& live_sessions() const { return live_sessions_; }

 private:
  const CompiledClaim* FindCovering(absl::string_view scope, absl::string_view action,
                                    absl::string_view specific) const;
  bool CoversPart(const CompiledClaim& part) const;

  std::vector<CompiledClaim> claims_;
  std::optional<CompiledClaim> narrowing_;
  bool unlimited_;
  std::string id_;
  // Where in claims_ those are that name a scope, and those for any scope.
  absl::flat_hash_map<std::string, std::vector<uint32_t>> claims_by_scope_;
  std::vector<uint32_t> claims_for_any_scope_;
  mutable std::atomic<int> live_sessions_{0};
};

using ScopePtr = std::shared_ptr<const Scope>;

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_SCOPE_H_
