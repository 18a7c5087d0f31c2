// All accounts, in memory, and what they may do.
#ifndef CARILLON_BROKER_ACCESS_ACCOUNT_DIRECTORY_H_
#define CARILLON_BROKER_ACCESS_ACCOUNT_DIRECTORY_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "broker/access/account_store.h"
#include "broker/access/scope.h"
#include "broker/access/scope_table.h"
#include "broker/access/session.h"

namespace carillon::access {

// A user, and what is worked out of the record once.
struct DirectoryUser {
  UserRecord record;
  // What the password grants.
  GrantPtr grant;
};
using DirectoryUserPtr = std::shared_ptr<const DirectoryUser>;

struct DirectoryRole {
  RoleRecord record;
  std::vector<CompiledClaim> claims;
  bool covers_everything = false;
};
using DirectoryRolePtr = std::shared_ptr<const DirectoryRole>;

// Any thread.
class AccountDirectory {
 public:
  // DATA_LOSS: a stored claim is not one.
  static absl::StatusOr<std::unique_ptr<AccountDirectory>> Create(const Accounts& accounts);

  // Null if there is none.
  DirectoryUserPtr FindUser(absl::string_view name) const ABSL_LOCKS_EXCLUDED(mu_);
  DirectoryRolePtr FindRole(absl::string_view name) const ABSL_LOCKS_EXCLUDED(mu_);

  // At most `count` with names after `after`, in order.
  std::vector<DirectoryUserPtr> UsersAfter(absl::string_view after, size_t count) const
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<DirectoryRolePtr> RolesAfter(absl::string_view after, size_t count) const
      ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<std::string> UsersWithRole(absl::string_view role) const ABSL_LOCKS_EXCLUDED(mu_);
  size_t user_count() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t role_count() const ABSL_LOCKS_EXCLUDED(mu_);

  // What a grant allows now: the claims of those of the user's roles it is not narrowed away from,
  // narrowed by its claim. Equal answers are one object. UNAUTHENTICATED, reason USER_REMOVED or
  // TOKEN_REVOKED. Expiry is not looked at.
  absl::StatusOr<ScopePtr> Evaluate(const Grant& grant) const ABSL_LOCKS_EXCLUDED(mu_);

  // Whether some user has a role that covers everything now, and none would after `change`.
  bool WouldLoseLastSuperuser(const AccountChange& change) const ABSL_LOCKS_EXCLUDED(mu_);

  // Takes over changes that the store has taken. INVALID_ARGUMENT: a claim is not one; nothing was
  // changed.
  absl::Status Apply(absl::Span<const AccountChange> changes) ABSL_LOCKS_EXCLUDED(mu_);

  // Grows with each change: answers of Evaluate are good as long as it stays.
  uint64_t generation() const { return generation_; }

 private:
  AccountDirectory() = default;

  bool RoleCoversEverything(const std::string& role) const ABSL_SHARED_LOCKS_REQUIRED(mu_);

  mutable absl::Mutex mu_;
  std::map<std::string, DirectoryUserPtr, std::less<>> users_ ABSL_GUARDED_BY(mu_);
  std::map<std::string, DirectoryRolePtr, std::less<>> roles_ ABSL_GUARDED_BY(mu_);
  std::atomic<uint64_t> generation_{0};

  mutable ScopeTable scopes_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_ACCOUNT_DIRECTORY_H_
