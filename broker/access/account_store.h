// Where accounts are kept.
#ifndef CARILLON_BROKER_ACCESS_ACCOUNT_STORE_H_
#define CARILLON_BROKER_ACCESS_ACCOUNT_STORE_H_

#include <map>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "broker/access/account_record.pb.h"

namespace carillon::access {

// All accounts at one moment.
struct Accounts {
  std::map<std::string, UserRecord, std::less<>> users;
  std::map<std::string, RoleRecord, std::less<>> roles;
};

// One change: put the record, or delete what has its name.
struct AccountChange {
  enum class Kind { kPutUser, kDeleteUser, kPutRole, kDeleteRole };
  Kind kind;
  UserRecord user;
  RoleRecord role;
};

class AccountStore {
 public:
  virtual ~AccountStore() = default;

  virtual absl::StatusOr<Accounts> Load() const = 0;

  // All of them or none, on disk when it returns. Blocks. Any thread.
  virtual absl::Status Apply(absl::Span<const AccountChange> changes) = 0;

  // The server's own secret, 32 random bytes: made at the first call, the same ever after. Part of
  // every signing key.
  virtual absl::StatusOr<std::string> ServerSecret() = 0;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_ACCOUNT_STORE_H_
