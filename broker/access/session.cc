#include "broker/access/session.h"

#include <utility>

namespace carillon::access {

Session::Session(std::string owner_name, std::string session_id, GrantPtr session_grant,
                 ScopePtr scope)
    : owner(std::move(owner_name)),
      id(std::move(session_id)),
      grant(std::move(session_grant)),
      scope_(std::move(scope)) {
  ++scope_->live_sessions();
}

Session::~Session() {
  if (scope_ != nullptr) --scope_->live_sessions();
  if (former_scope_ != nullptr) --former_scope_->live_sessions();
}

ScopePtr Session::scope() const {
  absl::MutexLock lock(&mu_);
  return scope_;
}

absl::Status Session::end() const {
  absl::MutexLock lock(&mu_);
  return end_;
}

void Session::Set(ScopePtr scope, absl::Status end) {
  if (scope != nullptr) ++scope->live_sessions();
  ReleaseFormerScope();
  absl::MutexLock lock(&mu_);
  former_scope_ = std::exchange(scope_, std::move(scope));
  end_ = std::move(end);
}

void Session::ReleaseFormerScope() {
  absl::MutexLock lock(&mu_);
  if (const ScopePtr former = std::move(former_scope_)) --former->live_sessions();
}

}  // namespace carillon::access
