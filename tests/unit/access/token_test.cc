#include "broker/access/token.h"

#include <gtest/gtest.h>

#include <string>

#include "tests/unit/access/access_fixture.h"
#include "tests/unit/access/forge.h"

namespace carillon::access {
namespace {

const std::string kKey(32, 'k');
const absl::Time kIssued = absl::FromUnixSeconds(1'700'000'000);

SignedToken Content() {
  SignedToken token;
  token.payload.set_sub("zoë \"the\" admin");
  token.payload.set_jti("1");
  token.payload.add_roles("ops");
  token.payload.add_roles("观察");
  *token.payload.mutable_claim() = MakeClaim("machines", "*", "a\\b");
  token.issue_time = kIssued;
  token.expire_time = kIssued + absl::Hours(1);
  return token;
}

absl::Status Verify(const std::string& token) { return VerifyToken(token, kKey).status(); }

// A header and payload that would do, to be spoilt.
constexpr char kHeader[] = R"({"alg":"HS256","typ":"JWT","kid":"k"})";
constexpr char kPayload[] =
    R"({"iss":"carillon","aud":"carillon","sub":"ann","iat":1700000000,"exp":1700003600})";

TEST(Token, HoldsWhatWasSigned) {
  const std::string text = SignToken(Content(), "key-id", kKey);
  const auto content = VerifyToken(text, kKey);
  ASSERT_TRUE(content.ok()) << content.status();
  EXPECT_EQ(content->payload.sub(), "zoë \"the\" admin");
  EXPECT_EQ(content->payload.roles_size(), 2);
  EXPECT_EQ(content->payload.roles(1), "观察");
  EXPECT_EQ(content->payload.claim().specific(), "a\\b");
  EXPECT_EQ(content->issue_time, kIssued);
  EXPECT_EQ(content->expire_time, kIssued + absl::Hours(1));
}

TEST(Token, PeekingTellsSubjectAndKeyId) {
  const auto hint = PeekToken(SignToken(Content(), "key-id", kKey));
  ASSERT_TRUE(hint.ok());
  EXPECT_EQ(hint->subject, "zoë \"the\" admin");
  EXPECT_EQ(hint->key_id, "key-id");
}

TEST(Token, OneMadeByTheRfcsAloneIsGood) {
  EXPECT_EQ(Verify(Forge(kHeader, kPayload, kKey)), absl::OkStatus());
}

TEST(Token, AnotherKeyIsRefused) {
  EXPECT_FALSE(Verify(Forge(kHeader, kPayload, std::string(32, 'x'))).ok());
}

TEST(Token, EveryOtherAlgorithmIsRefused) {
  for (const char* alg :
       {"none", "None", "NONE", "HS384", "HS512", "RS256", "ES256", "hs256", ""}) {
    const std::string header = std::string(R"({"typ":"JWT","alg":")") + alg + "\"}";
    EXPECT_FALSE(Verify(Forge(header, kPayload, kKey)).ok()) << alg;
    EXPECT_FALSE(Verify(ForgeUnsigned(header, kPayload)).ok()) << alg;
    EXPECT_FALSE(PeekToken(Forge(header, kPayload, kKey)).ok()) << alg;
  }
  EXPECT_FALSE(Verify(Forge(R"({"typ":"JWT"})", kPayload, kKey)).ok());
  EXPECT_FALSE(Verify(Forge(R"({"alg":["HS256"]})", kPayload, kKey)).ok());
}

TEST(Token, ARightSignatureByAnotherHashIsRefused) {
  EXPECT_FALSE(Verify(ForgeWith("SHA512", R"({"alg":"HS512","typ":"JWT"})", kPayload, kKey)).ok());
  EXPECT_FALSE(Verify(ForgeWith("SHA512", kHeader, kPayload, kKey)).ok());
}

TEST(Token, AnyChangedCharacterIsRefused) {
  const std::string good = Forge(kHeader, kPayload, kKey);
  for (size_t i = 0; i < good.size(); ++i) {
    std::string changed = good;
    changed[i] = good[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(Verify(changed).ok()) << i;
  }
}

TEST(Token, AnythingCutOrAddedIsRefused) {
  const std::string good = Forge(kHeader, kPayload, kKey);
  for (size_t size = 0; size < good.size(); ++size) {
    EXPECT_FALSE(Verify(good.substr(0, size)).ok()) << size;
  }
  for (const char* more : {".", "A", "=", " ", "\n", ".x", "\xff"}) {
    EXPECT_FALSE(Verify(good + more).ok()) << more;
    EXPECT_FALSE(Verify(more + good).ok()) << more;
  }
  EXPECT_FALSE(Verify(std::string(good).append(1, '\0')).ok());
}

TEST(Token, IssuerAndAudienceMustBeOurs) {
  const auto with = [](const char* iss, const char* aud) {
    return Forge(kHeader,
                 std::string(R"({"iss":")") + iss + R"(","aud":")" + aud +
                     R"(","sub":"ann","iat":1700000000,"exp":1700003600})",
                 kKey);
  };
  EXPECT_TRUE(Verify(with("carillon", "carillon")).ok());
  EXPECT_FALSE(Verify(with("another", "carillon")).ok());
  EXPECT_FALSE(Verify(with("carillon", "another")).ok());
}

TEST(Token, WithoutATimeToEndIsRefused) {
  for (const char* exp : {"", R"(,"exp":"1700003600")", R"(,"exp":null)", R"(,"exp":1e9)"}) {
    const std::string payload =
        std::string(R"({"iss":"carillon","sub":"ann","iat":1700000000,"aud":"carillon")") + exp +
        "}";
    EXPECT_FALSE(Verify(Forge(kHeader, payload, kKey)).ok()) << exp;
  }
}

TEST(Token, SignedNonsenseIsRefused) {
  for (const char* payload : {"", "null", "[]", "{", "\"text\"", R"({"iss":1})",
                              R"({"iss":"carillon","aud":["carillon"],"sub":"a","iat":1,"exp":2})",
                              R"({"iss":"carillon","aud":"carillon","sub":{},"iat":1,"exp":2})",
                              R"({"iss":"carillon","aud":"carillon","roles":7,"iat":1,"exp":2})"}) {
    EXPECT_FALSE(Verify(Forge(kHeader, payload, kKey)).ok()) << payload;
  }
}

TEST(Token, LongerThanEightKilobytesIsRefused) {
  const auto of_size = [](size_t filler) {
    return Forge(kHeader,
                 R"({"iss":"carillon","aud":"carillon","iat":1,"exp":2,"jti":")" +
                     std::string(filler, 'x') + "\"}",
                 kKey);
  };
  size_t filler = 5'900;
  while (of_size(filler + 1).size() <= kTokenBytesMax) ++filler;
  EXPECT_TRUE(Verify(of_size(filler)).ok());
  EXPECT_FALSE(Verify(of_size(filler + 1)).ok());
}

}  // namespace
}  // namespace carillon::access
