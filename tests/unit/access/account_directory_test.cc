#include "broker/access/account_directory.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "broker/access/crypto.h"
#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

using ::testing::ElementsAre;
using Kind = AccountChange::Kind;

AccountChange PutUser(const std::string& name, const std::vector<std::string>& roles) {
  AccountChange change{Kind::kPutUser, {}, {}};
  change.user.set_name(name);
  change.user.set_secret("secret of " + name);
  for (const std::string& role : roles) change.user.add_roles(role);
  return change;
}

AccountChange DeleteUser(const std::string& name) {
  AccountChange change{Kind::kDeleteUser, {}, {}};
  change.user.set_name(name);
  return change;
}

AccountChange PutRole(const std::string& name, const std::vector<v1::Claim>& claims) {
  AccountChange change{Kind::kPutRole, {}, {}};
  change.role.set_name(name);
  for (const v1::Claim& claim : claims) *change.role.add_claims() = claim;
  return change;
}

Grant GrantOf(const std::string& name) {
  Grant grant;
  grant.principal = name;
  grant.secret_digest = Sha256("secret of " + name).substr(0, 16);
  return grant;
}

class AccountDirectoryTest : public ::testing::Test {
 protected:
  AccountDirectoryTest() {
    Apply({PutRole("all", {MakeClaim("*", "*", "*")}),
           PutRole("reader", {MakeClaim("machines,profiles", "get", "*")}),
           PutRole("writer", {MakeClaim("machines", "save", "*")}), PutUser("root", {"all"}),
           PutUser("ann", {"reader", "writer"}), PutUser("bob", {"reader", "writer"})});
  }

  void Apply(const std::vector<AccountChange>& changes) {
    ASSERT_EQ(directory_->Apply(changes), absl::OkStatus());
  }

  std::unique_ptr<AccountDirectory> directory_ = AccountDirectory::Create(Accounts()).value();
};

TEST_F(AccountDirectoryTest, EqualRightsAreOneScope) {
  const ScopePtr scope = directory_->Evaluate(GrantOf("ann")).value();
  EXPECT_EQ(directory_->Evaluate(GrantOf("bob")).value(), scope);
  EXPECT_NE(directory_->Evaluate(GrantOf("root")).value(), scope);
}

TEST_F(AccountDirectoryTest, AGrantIsNarrowedByRolesAndByItsClaim) {
  Grant grant = GrantOf("ann");
  grant.roles = {"writer", "all"};
  ScopePtr scope = directory_->Evaluate(grant).value();
  EXPECT_TRUE(scope->Covers("machines", "save", "m1"));
  EXPECT_FALSE(scope->Covers("machines", "get", "m1")) << "that is of a role left out";
  EXPECT_FALSE(scope->Covers("users", "get", "x")) << "a token gives no role that its user lacks";
  grant.claim = MakeClaim("*", "*", "m1");
  scope = directory_->Evaluate(grant).value();
  EXPECT_TRUE(scope->Covers("machines", "save", "m1"));
  EXPECT_FALSE(scope->Covers("machines", "save", "m2"));
}

TEST_F(AccountDirectoryTest, ARoleThatIsGoneGivesNothing) {
  AccountChange change{Kind::kDeleteRole, {}, {}};
  change.role.set_name("reader");
  Apply({change});
  const ScopePtr scope = directory_->Evaluate(GrantOf("ann")).value();
  EXPECT_FALSE(scope->Covers("machines", "get", "m1"));
  EXPECT_TRUE(scope->Covers("machines", "save", "m1"));
}

TEST_F(AccountDirectoryTest, AGrantEndsWithTheSecretItWasMadeUnder) {
  const Grant grant = GrantOf("ann");
  AccountChange change = PutUser("ann", {"reader"});
  change.user.set_secret("another");
  Apply({change});
  EXPECT_EQ(ReasonOf(directory_->Evaluate(grant).status()), "TOKEN_REVOKED");
  Apply({DeleteUser("ann")});
  EXPECT_EQ(ReasonOf(directory_->Evaluate(grant).status()), "USER_REMOVED");
}

TEST_F(AccountDirectoryTest, KnowsWhetherAChangeLeavesNobodyWithAllRights) {
  EXPECT_TRUE(directory_->WouldLoseLastSuperuser(DeleteUser("root")));
  EXPECT_TRUE(directory_->WouldLoseLastSuperuser(PutUser("root", {"reader"})));
  EXPECT_TRUE(directory_->WouldLoseLastSuperuser(PutRole("all", {MakeClaim("*", "get", "*")})));
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(DeleteUser("ann")));
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(PutUser("root", {"reader", "all"})));
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(PutRole("reader", {})));

  // With a second one each of them may go.
  Apply({PutUser("ann", {"all"})});
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(DeleteUser("root")));
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(DeleteUser("ann")));
  EXPECT_TRUE(directory_->WouldLoseLastSuperuser(PutRole("all", {})));

  // Through another role as well.
  Apply({PutRole("too", {MakeClaim("*", "*", "*")}), PutUser("ann", {"too"})});
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(PutRole("all", {})));
}

TEST_F(AccountDirectoryTest, WhereNobodyHoldsEverythingNothingIsLost) {
  Apply({DeleteUser("root")});
  EXPECT_FALSE(directory_->WouldLoseLastSuperuser(DeleteUser("ann")));
}

TEST_F(AccountDirectoryTest, AFaultyChangeChangesNothing) {
  const uint64_t generation = directory_->generation();
  EXPECT_EQ(directory_->Apply({PutUser("eve", {}), PutRole("faulty", {v1::Claim()})}).code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(directory_->FindUser("eve"), nullptr);
  EXPECT_EQ(directory_->generation(), generation);
}

TEST_F(AccountDirectoryTest, EveryChangeIsANewGeneration) {
  const uint64_t generation = directory_->generation();
  Apply({DeleteUser("ann")});
  EXPECT_GT(directory_->generation(), generation);
}

TEST_F(AccountDirectoryTest, ListsInOrderAfterAName) {
  const auto names = [](const std::vector<DirectoryUserPtr>& users) {
    std::vector<std::string> result;
    for (const DirectoryUserPtr& user : users) result.push_back(user->record.name());
    return result;
  };
  EXPECT_THAT(names(directory_->UsersAfter("", 2)), ElementsAre("ann", "bob"));
  EXPECT_THAT(names(directory_->UsersAfter("b", 5)), ElementsAre("bob", "root"));
  EXPECT_THAT(directory_->UsersWithRole("writer"), ElementsAre("ann", "bob"));
}

}  // namespace
}  // namespace carillon::access
