// Keeps equal scopes one object.
#ifndef CARILLON_BROKER_ACCESS_SCOPE_TABLE_H_
#define CARILLON_BROKER_ACCESS_SCOPE_TABLE_H_

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"
#include "broker/access/scope.h"

namespace carillon::access {

// Any thread. Holds scopes weakly: they live as long as someone uses them.
class ScopeTable {
 public:
  // The one scope with the id of that which these claims make.
  ScopePtr Intern(std::vector<CompiledClaim> claims, std::optional<CompiledClaim> narrowing)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Entries held, dead ones included: at most twice as many as there are live scopes, and a few.
  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void SweepLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  static constexpr size_t kSweepSizeMin = 64;

  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, std::weak_ptr<const Scope>> scopes_ ABSL_GUARDED_BY(mu_);
  size_t sweep_size_ ABSL_GUARDED_BY(mu_) = kSweepSizeMin;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_SCOPE_TABLE_H_
