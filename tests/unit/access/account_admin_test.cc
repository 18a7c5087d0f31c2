// What the calls of AccountService do when something is amiss that a client cannot bring about.
#include "broker/access/account_admin.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <thread>

#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

class AccountAdminTest : public AccessFixture {
 protected:
  absl::Status CreateUser(const std::string& name) {
    v1::CreateUserRequest request;
    request.set_name(name);
    return admin().CreateUser(Root(), request).status();
  }
  absl::Status CreateRole(const std::string& name) {
    v1::PutRoleRequest request;
    request.mutable_role()->set_name(name);
    return admin().PutRole(Root(), request).status();
  }
};

TEST_F(AccountAdminTest, WhatTheStoreDoesNotTakeIsNotInForce) {
  const Identity ann = MakeUser("ann", {MakeClaim("machines", "get", "*")});
  const auto session = access_->OpenOwnSession(ann).value();
  store_.FailWith(absl::ResourceExhaustedError("the disk is full"));

  EXPECT_EQ(CreateUser("bob").code(), absl::StatusCode::kResourceExhausted);
  v1::RevokeUserTokensRequest revoke;
  revoke.set_name("ann");
  EXPECT_EQ(admin().RevokeUserTokens(Root(), revoke).code(), absl::StatusCode::kResourceExhausted);
  v1::SetUserPasswordRequest password;
  password.set_name("ann");
  password.set_password("another password");
  EXPECT_EQ(admin().SetUserPassword(Root(), password).code(), absl::StatusCode::kResourceExhausted);
  v1::DeleteUserRequest remove;
  remove.set_name("ann");
  EXPECT_EQ(admin().DeleteUser(Root(), remove).code(), absl::StatusCode::kResourceExhausted);

  store_.FailWith(absl::OkStatus());
  EXPECT_TRUE(session->end().ok());
  EXPECT_TRUE(Authenticate(Basic("ann", "password-of-ann")).ok());
  EXPECT_FALSE(Authenticate(Basic("ann", "another password")).ok());
  EXPECT_EQ(CreateUser("bob"), absl::OkStatus());
}

TEST_F(AccountAdminTest, NoTokenOutlivesTheRevocationOfWhatItWasGrantedFor) {
  MakeUser("ann", {MakeClaim("machines", "get", "*")});
  for (int round = 0; round < 100; ++round) {
    const Identity ann = Authenticate(Basic("ann", "password-of-ann")).value();
    std::atomic<bool> answered = false;
    std::string last;
    std::thread hasty([&] {
      v1::GrantTokenRequest request;
      request.set_name("ann");
      while (true) {
        const auto token = admin().GrantToken(ann, request);
        answered = true;
        if (!token.ok()) return;
        last = token->token();
      }
    });
    while (!answered) std::this_thread::yield();
    v1::RevokeUserTokensRequest revoke;
    revoke.set_name("ann");
    ASSERT_TRUE(admin().RevokeUserTokens(Root(), revoke).ok());
    hasty.join();
    ASSERT_NE(last, "");
    ASSERT_FALSE(Authenticate(Bearer(last)).ok()) << round;
  }
}

TEST_F(AccountAdminTest, UsersAndRolesAreLimited) {
  options_.users_max = 2;
  options_.roles_max = 2;
  Restart();
  EXPECT_EQ(CreateUser("second"), absl::OkStatus());
  EXPECT_EQ(ReasonOf(CreateUser("third")), "ACCOUNTS_EXHAUSTED");
  EXPECT_EQ(CreateRole("second"), absl::OkStatus());
  EXPECT_EQ(ReasonOf(CreateRole("third")), "ACCOUNTS_EXHAUSTED");
  EXPECT_EQ(CreateRole("second"), absl::OkStatus()) << "one that is there may be changed";
}

TEST_F(AccountAdminTest, ACallerWhoseRightsWereTakenAfterTheLoginHasThemNoMore) {
  const Identity ann = MakeUser("ann", {MakeClaim("users", "get", "*")});
  v1::GetUserRequest request;
  request.set_name("root");
  EXPECT_TRUE(admin().GetUser(ann, request).ok());
  PutRole("role-of-ann", {});
  EXPECT_EQ(ReasonOf(admin().GetUser(ann, request).status()), "CLAIM_MISSING");
  v1::DeleteUserRequest remove;
  remove.set_name("ann");
  ASSERT_TRUE(admin().DeleteUser(Root(), remove).ok());
  EXPECT_EQ(ReasonOf(admin().GetUser(ann, request).status()), "USER_REMOVED");
}

}  // namespace
}  // namespace carillon::access
