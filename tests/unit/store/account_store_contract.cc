#include "tests/unit/store/account_store_contract.h"

#include <gmock/gmock.h>

#include <set>
#include <thread>

#include "absl/strings/str_cat.h"

namespace carillon::access {

using testing::ElementsAre;
using testing::IsEmpty;

void AccountStoreContract::Apply(const std::vector<AccountChange>& changes) {
  const absl::Status status = store().Apply(changes);
  EXPECT_TRUE(status.ok()) << status;
}

std::vector<std::string> AccountStoreContract::Users() {
  const absl::StatusOr<Accounts> accounts = store().Load();
  EXPECT_TRUE(accounts.ok()) << accounts.status();
  std::vector<std::string> users;
  for (const auto& [name, user] : accounts->users) {
    EXPECT_EQ(user.name(), name);
    users.push_back(absl::StrCat(name, "=", user.password_hash()));
  }
  return users;
}

std::vector<std::string> AccountStoreContract::Roles() {
  const absl::StatusOr<Accounts> accounts = store().Load();
  EXPECT_TRUE(accounts.ok()) << accounts.status();
  std::vector<std::string> roles;
  for (const auto& [name, role] : accounts->roles) {
    EXPECT_EQ(role.name(), name);
    roles.push_back(absl::StrCat(name, "=", role.claims(0).scope()));
  }
  return roles;
}

AccountChange AccountStoreContract::PutUser(const std::string& name,
                                            const std::string& password_hash) {
  AccountChange change;
  change.kind = AccountChange::Kind::kPutUser;
  change.user.set_name(name);
  change.user.set_password_hash(password_hash);
  return change;
}

AccountChange AccountStoreContract::DeleteUser(const std::string& name) {
  AccountChange change;
  change.kind = AccountChange::Kind::kDeleteUser;
  change.user.set_name(name);
  return change;
}

AccountChange AccountStoreContract::PutRole(const std::string& name, const std::string& scope) {
  AccountChange change;
  change.kind = AccountChange::Kind::kPutRole;
  change.role.set_name(name);
  change.role.add_claims()->set_scope(scope);
  return change;
}

AccountChange AccountStoreContract::DeleteRole(const std::string& name) {
  AccountChange change;
  change.kind = AccountChange::Kind::kDeleteRole;
  change.role.set_name(name);
  return change;
}

TEST_P(AccountStoreContract, HasNoAccountsAtFirst) {
  EXPECT_THAT(Users(), IsEmpty());
  EXPECT_THAT(Roles(), IsEmpty());
}

TEST_P(AccountStoreContract, KeepsUsersAndRolesApartAndForGood) {
  Apply({PutUser("fred", "1"), PutUser("ann", "2"), PutRole("fred", "machines")});
  home_->Reopen();
  EXPECT_THAT(Users(), ElementsAre("ann=2", "fred=1"));
  EXPECT_THAT(Roles(), ElementsAre("fred=machines"));
}

TEST_P(AccountStoreContract, ReplacesARecord) {
  Apply({PutUser("fred", "1"), PutRole("r", "a")});
  Apply({PutUser("fred", "2"), PutRole("r", "b")});
  EXPECT_THAT(Users(), ElementsAre("fred=2"));
  EXPECT_THAT(Roles(), ElementsAre("r=b"));
}

TEST_P(AccountStoreContract, DeletesARecordAndNoOther) {
  Apply({PutUser("a", "1"), PutUser("b", "2"), PutRole("a", "x"), PutRole("b", "y")});
  Apply({DeleteUser("a"), DeleteRole("b")});
  EXPECT_THAT(Users(), ElementsAre("b=2"));
  EXPECT_THAT(Roles(), ElementsAre("a=x"));
}

TEST_P(AccountStoreContract, DeletesWhatIsNotThereWithoutComplaint) {
  Apply({DeleteUser("nobody"), DeleteRole("none")});
  EXPECT_THAT(Users(), IsEmpty());
}

TEST_P(AccountStoreContract, AppliesChangesInTheirOrder) {
  Apply({PutUser("a", "1"), DeleteUser("a"), PutUser("b", "1"), PutUser("b", "2")});
  EXPECT_THAT(Users(), ElementsAre("b=2"));
}

TEST_P(AccountStoreContract, AppliesAllChangesOrNone) {
  for (const std::string& bad_name : {std::string(), std::string(257, 'n')}) {
    EXPECT_EQ(store().Apply({PutUser("fred", "1"), PutUser(bad_name, "2")}).code(),
              absl::StatusCode::kInvalidArgument);
    EXPECT_EQ(store().Apply({PutUser("fred", "1"), DeleteRole(bad_name)}).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(Users(), IsEmpty());
}

TEST_P(AccountStoreContract, TakesNamesOfFullLengthAndWithAnyCharacters) {
  const std::string longest(256, 'n');
  const std::string odd("\0 é\n", 5);
  Apply({PutUser(longest, "1"), PutUser(odd, "2")});
  const absl::StatusOr<Accounts> accounts = store().Load();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  EXPECT_EQ(accounts->users.count(longest), 1u);
  EXPECT_EQ(accounts->users.count(odd), 1u);
}

TEST_P(AccountStoreContract, KeepsEveryFieldOfARecord) {
  AccountChange change = PutUser("fred", "$scrypt$");
  change.user.add_roles("superuser");
  change.user.add_roles("reader");
  change.user.mutable_create_time()->set_seconds(1'700'000'000);
  change.user.set_secret(std::string("\0\x01\xff", 3));
  Apply({change});
  home_->Reopen();
  const absl::StatusOr<Accounts> accounts = store().Load();
  ASSERT_TRUE(accounts.ok()) << accounts.status();
  EXPECT_EQ(accounts->users.at("fred").SerializeAsString(), change.user.SerializeAsString());
}

TEST_P(AccountStoreContract, DrawsTheServersSecretOnceForGood) {
  const absl::StatusOr<std::string> secret = store().ServerSecret();
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->size(), 32u);
  EXPECT_GT(std::set<char>(secret->begin(), secret->end()).size(), 8u);
  EXPECT_EQ(*store().ServerSecret(), *secret);
  home_->Reopen();
  EXPECT_EQ(*store().ServerSecret(), *secret);
}

TEST_P(AccountStoreContract, DrawsADifferentSecretForEachServer) {
  EXPECT_NE(*store().ServerSecret(), *GetParam()()->accounts()->ServerSecret());
}

TEST_P(AccountStoreContract, TakesChangesFromManyThreads) {
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 4; ++thread) {
    threads.emplace_back([this, thread] {
      for (int i = 0; i < 20; ++i) Apply({PutUser(absl::StrCat(thread, "-", i), "1")});
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(Users().size(), 80u);
}

}  // namespace carillon::access
