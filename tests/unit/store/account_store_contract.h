// What every home of the accounts must do. A home joins with
//   INSTANTIATE_TEST_SUITE_P(Lmdb, AccountStoreContract, testing::Values(&MakeLmdbHome));
// in a program that has account_store_contract.cc among its sources.
#ifndef CARILLON_TESTS_UNIT_STORE_ACCOUNT_STORE_CONTRACT_H_
#define CARILLON_TESTS_UNIT_STORE_ACCOUNT_STORE_CONTRACT_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/access/account_store.h"

namespace carillon::access {

// Somewhere to keep accounts, none at first.
class AccountStoreHome {
 public:
  virtual ~AccountStoreHome() = default;
  virtual AccountStore* accounts() = 0;
  // Closes the store and opens it again: accounts() is another object, with what was applied.
  virtual void Reopen() = 0;
};

using MakeAccountStoreHome = std::unique_ptr<AccountStoreHome> (*)();

class AccountStoreContract : public testing::TestWithParam<MakeAccountStoreHome> {
 protected:
  AccountStoreContract() : home_(GetParam()()) {}

  AccountStore& store() { return *home_->accounts(); }
  // Applies and expects success.
  void Apply(const std::vector<AccountChange>& changes);
  // "name=hash" of each user, "name=first claim's scope" of each role.
  std::vector<std::string> Users();
  std::vector<std::string> Roles();

  static AccountChange PutUser(const std::string& name, const std::string& password_hash);
  static AccountChange DeleteUser(const std::string& name);
  static AccountChange PutRole(const std::string& name, const std::string& scope);
  static AccountChange DeleteRole(const std::string& name);

  std::unique_ptr<AccountStoreHome> home_;
};

}  // namespace carillon::access

#endif  // CARILLON_TESTS_UNIT_STORE_ACCOUNT_STORE_CONTRACT_H_
