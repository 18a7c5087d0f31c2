#include "broker/access/scope_table.h"

#include <algorithm>
#include <utility>

namespace carillon::access {

ScopePtr ScopeTable::Intern(std::vector<CompiledClaim> claims,
                            std::optional<CompiledClaim> narrowing) {
  auto scope = std::make_shared<const Scope>(std::move(claims), std::move(narrowing));
  absl::MutexLock lock(&mu_);
  std::weak_ptr<const Scope>& entry = scopes_[scope->id()];
  if (ScopePtr known = entry.lock(); known != nullptr) return known;
  entry = scope;
  if (scopes_.size() > sweep_size_) SweepLocked();
  return scope;
}

void ScopeTable::SweepLocked() {
  absl::erase_if(scopes_, [](const auto& entry) { return entry.second.expired(); });
  sweep_size_ = std::max(kSweepSizeMin, 2 * scopes_.size());
}

size_t ScopeTable::size() const {
  absl::MutexLock lock(&mu_);
  return scopes_.size();
}

}  // namespace carillon::access
