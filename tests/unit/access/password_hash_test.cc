#include "broker/access/password_hash.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

namespace carillon::access {
namespace {

constexpr ScryptCost kCheap = {.log2_n = 4, .r = 1, .p = 1};

TEST(PasswordHash, VerifiesItsOwnPasswordOnly) {
  const std::string phc = HashPassword("correct horse", kCheap);
  EXPECT_TRUE(VerifyPassword("correct horse", phc));
  EXPECT_FALSE(VerifyPassword("correct horsf", phc));
  EXPECT_FALSE(VerifyPassword("", phc));
  EXPECT_FALSE(VerifyPassword(std::string("correct horse\0x", 15), phc));
}

TEST(PasswordHash, IsAtOwaspsSettingByDefault) {
  const std::string phc = HashPassword("correct horse", {});
  EXPECT_THAT(phc, ::testing::StartsWith("$scrypt$ln=17,r=8,p=1$"));
  EXPECT_TRUE(VerifyPassword("correct horse", phc));
}

TEST(PasswordHash, IsSalted) {
  EXPECT_NE(HashPassword("correct horse", kCheap), HashPassword("correct horse", kCheap));
}

// RFC 7914, section 12: "password" with "NaCl", N = 1024, r = 8, p = 16, the first 64 bytes.
TEST(PasswordHash, AgreesWithTheRfc) {
  EXPECT_TRUE(VerifyPassword("password",
                             "$scrypt$ln=10,r=8,p=16$TmFDbA$/bq+HJ00cgB4VucZDQHp/"
                             "nxq18vII3gw53N2Y0s3MWIurzDZLiKjiG/xCSedmDDaxyevuUqD7m2DYMvfoswGQA"));
}

TEST(PasswordHash, NothingMatchesAnUnmatchableOne) {
  const std::string phc = UnmatchableHash(kCheap);
  EXPECT_THAT(phc, ::testing::StartsWith("$scrypt$ln=4,r=1,p=1$"));
  EXPECT_FALSE(VerifyPassword("", phc));
}

TEST(PasswordHash, AMalformedOneMatchesNothing) {
  const std::string good = HashPassword("x", kCheap);
  for (const std::string& phc :
       {std::string(), std::string("$scrypt$"), std::string("x") + good, good.substr(0, 40),
        good + "$", std::string("$scrypt$ln=0,r=1,p=1$c2FsdA$aGFzaA"),
        std::string("$scrypt$ln=4,r=1,p=1$c2FsdA$"), std::string("$argon2id$v=19$a$b$c")}) {
    EXPECT_FALSE(VerifyPassword("x", phc)) << phc;
  }
}

TEST(PasswordHash, OneThatAsksForMoreThanAGigabyteMatchesNothing) {
  const std::string good = HashPassword("x", kCheap);
  EXPECT_FALSE(VerifyPassword("x", "$scrypt$ln=24,r=64,p=1" + good.substr(20)));
}

}  // namespace
}  // namespace carillon::access
