// What someone may do: claims, and the sets of them that sessions share.
#ifndef CARILLON_BROKER_ACCESS_SCOPE_H_
#define CARILLON_BROKER_ACCESS_SCOPE_H_

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

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

// One claim, ready to be applied. Members are "*", one value or a comma-separated list; spaces
// around a value are dropped.
class CompiledClaim {
 public:
  // INVALID_ARGUMENT: a member is empty, or larger than 4 KiB.
  static absl::StatusOr<CompiledClaim> Compile(const v1::Claim& claim);

  bool Covers(absl::string_view scope, absl::string_view action, absl::string_view specific) const;
  // Whether all that `other` covers is covered by this one too.
  bool Covers(const CompiledClaim& other) const;
  bool covers_everything() const;
  // "scope.action.specific", values sorted and without repeats: equal for claims that cover the
  // same.
  const std::string& text() const { return text_; }

 private:
  struct Values {
    bool any = false;
    std::vector<std::string> values;
    bool Contains(absl::string_view value) const;
    bool Contains(const Values& other) const;
  };

  CompiledClaim() = default;
  static absl::StatusOr<Values> ParseMember(absl::string_view name, absl::string_view text);

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
  // Whether whoever has this scope may hand `claim` to others.
  bool CoversClaim(const CompiledClaim& claim) const;

  // Covers everything: need not be asked.
  bool unlimited() const { return unlimited_; }
  // Equal for scopes that cover the same by the same claims; reveals nothing of them (a keyed hash
  // is not needed: it is a digest that only facades see).
  const std::string& id() const { return id_; }

  // How many sessions have this scope now. A scope without sessions lets nothing through to
  // subscriptions.
  std::atomic<int>& live_sessions() const { return live_sessions_; }

 private:
  std::vector<CompiledClaim> claims_;
  std::optional<CompiledClaim> narrowing_;
  bool unlimited_;
  std::string id_;
  mutable std::atomic<int> live_sessions_{0};
};

using ScopePtr = std::shared_ptr<const Scope>;

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_SCOPE_H_
