#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_replace.h"
#include "broker/access/crypto.h"
#include "tests/unit/access/access_fixture.h"
#include "tests/unit/access/forge.h"

namespace carillon::access {
namespace {

// What someone could hand in for a token who has one of their own, and what becomes of it.
class TokenForgery : public AccessFixture {
 protected:
  TokenForgery() {
    MakeUser("ann", {MakeClaim("machines", "*", "*")});
    MakeUser("bob", {MakeClaim("*", "*", "*")});
    token_ = TokenOf("ann");
  }

  std::string ReasonFor(const std::string& token) {
    const auto identity = Authenticate(Bearer(token));
    if (identity.ok()) return "OK";
    EXPECT_EQ(identity.status().code(), absl::StatusCode::kUnauthenticated);
    EXPECT_TRUE(token.empty() || !absl::StrContains(identity.status().message(), token));
    return ReasonOf(identity.status());
  }

  std::string token_;
};

TEST_F(TokenForgery, TheTokenItselfIsGood) {
  const auto identity = Authenticate(Bearer(token_));
  ASSERT_TRUE(identity.ok()) << identity.status();
  EXPECT_EQ(identity->principal(), "ann");
  EXPECT_TRUE(identity->scope->Covers("machines", "create", "m1"));
  EXPECT_FALSE(identity->scope->Covers("profiles", "create", "p1"));
}

TEST_F(TokenForgery, AnothersNameOnOnesOwnTokenIsRefused) {
  const std::string payload = absl::StrReplaceAll(PayloadOf(token_), {{"\"ann\"", "\"bob\""}});
  ASSERT_NE(payload, PayloadOf(token_));
  EXPECT_EQ(ReasonFor(WithPayload(token_, payload)), "TOKEN_REVOKED");
}

TEST_F(TokenForgery, ALongerLifeIsRefused) {
  const std::string payload =
      absl::StrReplaceAll(PayloadOf(token_), {{"\"exp\":17", "\"exp\":27"}});
  ASSERT_NE(payload, PayloadOf(token_));
  EXPECT_EQ(ReasonFor(WithPayload(token_, payload)), "CREDENTIALS_INVALID");
}

TEST_F(TokenForgery, DroppedNarrowingIsRefused) {
  v1::GrantTokenRequest request;
  request.set_name("ann");
  *request.mutable_claim() = MakeClaim("machines", "get", "m1");
  const std::string narrowed = Token(Root(), request);
  const std::string payload =
      absl::StrReplaceAll(PayloadOf(narrowed), {{"\"get\"", "\"*\""}, {"\"m1\"", "\"*\""}});
  ASSERT_NE(payload, PayloadOf(narrowed));
  EXPECT_EQ(ReasonFor(WithPayload(narrowed, payload)), "CREDENTIALS_INVALID");
}

TEST_F(TokenForgery, NoAlgorithmIsRefused) {
  for (const char* header : {R"({"alg":"none","typ":"JWT"})", R"({"alg":"none"})"}) {
    EXPECT_EQ(ReasonFor(ForgeUnsigned(header, PayloadOf(token_))), "CREDENTIALS_INVALID");
  }
}

TEST_F(TokenForgery, ASignatureByAnyPublicTextIsRefused) {
  const std::string header = token_.substr(0, token_.find('.'));
  for (const std::string& key : {std::string("carillon"), std::string("ann"), header}) {
    ASSERT_EQ(ReasonFor(Forge(R"({"alg":"HS256","typ":"JWT"})", PayloadOf(token_), key)),
              "TOKEN_REVOKED");
  }
}

TEST_F(TokenForgery, BobsTokenDoesNotSignForAnn) {
  // Even with the key of one user in hand, the other's tokens cannot be made.
  const std::string bobs_key =
      HmacSha256(store_.ServerSecret().value(), store_.Load()->users.at("bob").secret());
  const std::string header = R"({"alg":"HS256","typ":"JWT"})";
  EXPECT_NE(ReasonFor(Forge(header, PayloadOf(token_), bobs_key)), "OK");
}

TEST_F(TokenForgery, AnUnknownUsersTokenIsRefusedLikeARevokedOne) {
  const std::string payload = absl::StrReplaceAll(PayloadOf(token_), {{"\"ann\"", "\"eve\""}});
  EXPECT_EQ(ReasonFor(WithPayload(token_, payload)), "TOKEN_REVOKED");
}

TEST_F(TokenForgery, ASessionIdIsNoToken) {
  const Identity facade = MakeUser("facade", {MakeClaim("sessions", "open", "*")});
  const auto session = access_->OpenSession(facade, *Authenticate(Bearer(token_)));
  ASSERT_TRUE(session.ok());
  EXPECT_NE(ReasonFor((*session)->id), "OK");
}

TEST_F(TokenForgery, ATokenIsNoSessionId) {
  const Identity facade = MakeUser("facade", {MakeClaim("sessions", "open", "*")});
  EXPECT_EQ(ReasonOf(access_->ResumeSession(facade, token_).status()), "SESSION_UNKNOWN");
}

TEST_F(TokenForgery, NonsenseIsRefused) {
  for (const std::string& token :
       {std::string(), std::string("."), std::string(".."), std::string("a.b.c"),
        std::string(8'100, 'a'), std::string("e30.e30.e30"), token_ + token_}) {
    EXPECT_EQ(ReasonFor(token), "CREDENTIALS_INVALID") << token;
  }
}

}  // namespace
}  // namespace carillon::access
