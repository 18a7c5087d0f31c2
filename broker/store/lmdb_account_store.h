// Accounts in an LMDB file.
#ifndef CARILLON_BROKER_STORE_LMDB_ACCOUNT_STORE_H_
#define CARILLON_BROKER_STORE_LMDB_ACCOUNT_STORE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "broker/access/account_store.h"
#include "broker/store/environment.h"
#include "broker/store/tables.h"

namespace carillon::store {

class LmdbAccountStore : public access::AccountStore {
 public:
  // `environment` must outlive it.
  LmdbAccountStore(Environment* environment, const Tables& tables)
      : environment_(environment), tables_(tables) {}

  absl::StatusOr<access::Accounts> Load() const override;
  // INVALID_ARGUMENT: a name is empty or has more than 256 bytes.
  absl::Status Apply(absl::Span<const access::AccountChange> changes) override;
  absl::StatusOr<std::string> ServerSecret() override;

 private:
  absl::Status ApplyOne(Transaction& txn, const access::AccountChange& change);

  Environment* const environment_;
  const Tables tables_;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_LMDB_ACCOUNT_STORE_H_
