#include "broker/access/access_control.h"

#include <gtest/gtest.h>

#include <string>

#include "absl/strings/escaping.h"
#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

class AccessControlTest : public AccessFixture {
 protected:
  std::string ReasonFor(const std::string& header) {
    const auto identity = Authenticate(header);
    return identity.ok() ? "OK" : ReasonOf(identity.status());
  }
};

TEST_F(AccessControlTest, TheFirstUserHoldsEverything) {
  EXPECT_TRUE(access_->HasUsers());
  EXPECT_TRUE(Root().scope->unlimited());
}

TEST_F(AccessControlTest, MakesAFirstUserOnlyWhereThereIsNone) {
  EXPECT_EQ(access_->CreateFirstUser("second", "password-of-second").value(), false);
  EXPECT_EQ(ReasonFor(Basic("second", "password-of-second")), "CREDENTIALS_INVALID");
}

TEST_F(AccessControlTest, AccountsOutliveARestart) {
  MakeUser("ann", {MakeClaim("machines", "get", "*")});
  const std::string token = TokenOf("ann");
  Restart();
  EXPECT_EQ(ReasonFor(Basic("ann", "password-of-ann")), "OK");
  EXPECT_EQ(Authenticate(Bearer(token))->scope->Covers("machines", "get", "m1"), true);
}

TEST_F(AccessControlTest, TakesSchemesInAnyCaseAndSpacesAround) {
  const std::string token = TokenOf("root");
  for (const std::string& header :
       {"bearer " + token, "BEARER  " + token + " ", " Bearer " + token}) {
    EXPECT_EQ(ReasonFor(header), "OK");
  }
  const std::string basic = Basic("root", "password-of-root");
  EXPECT_EQ(ReasonFor("basic" + basic.substr(5)), "OK");
}

TEST_F(AccessControlTest, APasswordMayHoldColons) {
  v1::CreateUserRequest request;
  request.set_name("ann");
  request.set_password("a:b:c:d:e");
  ASSERT_TRUE(admin().CreateUser(Root(), request).ok());
  EXPECT_EQ(ReasonFor(Basic("ann", "a:b:c:d:e")), "OK");
}

TEST_F(AccessControlTest, ToldNothingItAsksForCredentials) {
  EXPECT_EQ(ReasonFor(""), "CREDENTIALS_MISSING");
  EXPECT_EQ(ReasonFor("   "), "CREDENTIALS_MISSING");
}

TEST_F(AccessControlTest, RefusesWhatIsNotAKnownForm) {
  for (const std::string& header :
       {std::string("root"), std::string("Digest abc"), std::string("Basic"),
        std::string("Basic !!!"), "Basic " + absl::Base64Escape("nocolon"), std::string("Bearer"),
        "Basic " + absl::Base64Escape(std::string(7'000, 'x'))}) {
    EXPECT_EQ(ReasonFor(header), "CREDENTIALS_INVALID") << header;
  }
}

TEST_F(AccessControlTest, RefusesMoreThanEightKilobytesUnread) {
  const int64_t hashes = access_->password_hash_count();
  EXPECT_EQ(ReasonFor("Basic " + absl::Base64Escape("root:" + std::string(8'192, 'x'))),
            "CREDENTIALS_INVALID");
  EXPECT_EQ(ReasonFor(Basic("root", std::string(1'025, 'x'))), "CREDENTIALS_INVALID");
  EXPECT_EQ(access_->password_hash_count(), hashes);
}

TEST_F(AccessControlTest, AnUnknownUserTakesTheSameWayAsAWrongPassword) {
  v1::CreateUserRequest request;
  request.set_name("token-only");
  ASSERT_TRUE(admin().CreateUser(Root(), request).ok());
  absl::Status first;
  for (const char* name : {"root", "nobody", "token-only"}) {
    const int64_t hashes = access_->password_hash_count();
    const absl::Status status = Authenticate(Basic(name, "wrong password")).status();
    EXPECT_EQ(access_->password_hash_count(), hashes + 1) << name;
    if (first.ok()) first = status;
    EXPECT_EQ(status, first) << name;
  }
}

TEST_F(AccessControlTest, ErrorsHoldNothingOfTheCredentials) {
  for (const std::string& header :
       {Basic("root", "secret-secret"), Bearer("secret-secret"), std::string("secret-secret"),
        std::string("Secret secret-secret")}) {
    const absl::Status status = Authenticate(header).status();
    EXPECT_EQ(status.ToString().find("ecret-secret"), std::string::npos) << status;
  }
}

TEST_F(AccessControlTest, ATokenEndsWithItsTime) {
  v1::GrantTokenRequest request;
  request.set_name("root");
  request.mutable_ttl()->set_seconds(60);
  const std::string token = Token(Root(), request);
  clock_.Advance(absl::Seconds(59));
  EXPECT_EQ(ReasonFor(Bearer(token)), "OK");
  clock_.Advance(absl::Seconds(1));
  EXPECT_EQ(ReasonFor(Bearer(token)), "TOKEN_EXPIRED");
}

TEST_F(AccessControlTest, ARememberedTokenIsVoidWhenItIsRevoked) {
  MakeUser("ann", {});
  const std::string token = TokenOf("ann");
  EXPECT_EQ(ReasonFor(Bearer(token)), "OK");
  EXPECT_EQ(ReasonFor(Bearer(token)), "OK");
  v1::RevokeUserTokensRequest request;
  request.set_name("ann");
  ASSERT_TRUE(admin().RevokeUserTokens(Root(), request).ok());
  EXPECT_EQ(ReasonFor(Bearer(token)), "TOKEN_REVOKED");
}

TEST_F(AccessControlTest, ARememberedTokenFollowsTheUsersRoles) {
  MakeUser("ann", {MakeClaim("machines", "get", "*")});
  const std::string token = TokenOf("ann");
  EXPECT_TRUE(Authenticate(Bearer(token))->scope->Covers("machines", "get", "m1"));
  PutRole("role-of-ann", {MakeClaim("profiles", "get", "*")});
  EXPECT_FALSE(Authenticate(Bearer(token))->scope->Covers("machines", "get", "m1"));
}

TEST_F(AccessControlTest, ANewPasswordIsInForceAtOnce) {
  MakeUser("ann", {});
  const std::string token = TokenOf("ann");
  v1::SetUserPasswordRequest request;
  request.set_name("ann");
  request.set_password("another password");
  ASSERT_TRUE(admin().SetUserPassword(Root(), request).ok());
  EXPECT_EQ(ReasonFor(Basic("ann", "password-of-ann")), "CREDENTIALS_INVALID");
  EXPECT_EQ(ReasonFor(Basic("ann", "another password")), "OK");
  EXPECT_EQ(ReasonFor(Bearer(token)), "TOKEN_REVOKED");
}

TEST_F(AccessControlTest, ARememberedPasswordIsVoidWhenTheUserIsRemoved) {
  MakeUser("ann", {});
  v1::DeleteUserRequest request;
  request.set_name("ann");
  ASSERT_TRUE(admin().DeleteUser(Root(), request).ok());
  EXPECT_EQ(ReasonFor(Basic("ann", "password-of-ann")), "CREDENTIALS_INVALID");
}

TEST_F(AccessControlTest, ATokenOfARemovedUserIsNotGoodForTheNextOfThatName) {
  MakeUser("ann", {});
  const std::string token = TokenOf("ann");
  v1::DeleteUserRequest request;
  request.set_name("ann");
  ASSERT_TRUE(admin().DeleteUser(Root(), request).ok());
  EXPECT_EQ(ReasonFor(Bearer(token)), "TOKEN_REVOKED");
  MakeUser("ann", {});
  EXPECT_EQ(ReasonFor(Bearer(token)), "TOKEN_REVOKED");
}

TEST_F(AccessControlTest, ACertificatesNameIsAUserOrNobody) {
  MakeUser("ann", {MakeClaim("machines", "get", "*")});
  EXPECT_TRUE(access_->Identify("ann")->scope->Covers("machines", "get", "m1"));
  EXPECT_EQ(ReasonOf(access_->Identify("nobody").status()), "CREDENTIALS_INVALID");
}

TEST_F(AccessControlTest, AfterStopPasswordsAreNoLongerCheckedButTokensAre) {
  const std::string token = TokenOf("root");
  access_->StopPasswordChecks();
  EXPECT_EQ(Authenticate(Basic("root", "wrong password")).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(ReasonFor(Bearer(token)), "OK");
}

TEST_F(AccessControlTest, DoesNotOpenWithAFaultyStoredRole) {
  RoleRecord role;
  role.set_name("faulty");
  role.add_claims();
  ASSERT_TRUE(store_.Apply({{AccountChange::Kind::kPutRole, {}, role}}).ok());
  EXPECT_EQ(AccessControl::Create(&store_, options_).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace carillon::access
