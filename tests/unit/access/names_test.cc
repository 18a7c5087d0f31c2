#include "broker/access/names.h"

#include <gtest/gtest.h>

#include <string>

#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

TEST(Names, TakesUtf8OfAnyLanguage) {
  for (const char* name : {"a", "rocketskates", "Zoë", "数据", "ops team", "a.b*c", "🚀"}) {
    EXPECT_TRUE(CheckName("name", name).ok()) << name;
  }
}

TEST(Names, RefusesWhatClaimsAndCredentialsCannotName) {
  for (const char* name : {"", "a:b", "a,b", " a", "a ", "a\tb", "a\nb", "a\x7f", "a\xc2\x85"}) {
    EXPECT_FALSE(CheckName("name", name).ok()) << name;
  }
}

TEST(Names, RefusesMalformedUtf8) {
  for (const char* name : {"\xff", "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\xf4\x90\x80\x80"}) {
    EXPECT_FALSE(IsPlainText(name)) << name;
  }
}

TEST(Names, AreAtMost128Bytes) {
  EXPECT_TRUE(CheckName("name", std::string(128, 'x')).ok());
  EXPECT_FALSE(CheckName("name", std::string(129, 'x')).ok());
}

TEST(Names, AFaultNamesItsField) {
  const auto fault = wire::BadRequestOf(CheckName("role.name", ""));
  ASSERT_TRUE(fault.has_value());
  EXPECT_EQ(fault->field_violations(0).field(), "role.name");
}

TEST(Passwords, AreEightBytesToAKilobyte) {
  EXPECT_FALSE(CheckNewPassword("password", "1234567").ok());
  EXPECT_TRUE(CheckNewPassword("password", "12345678").ok());
  EXPECT_TRUE(CheckNewPassword("password", std::string(1024, 'x')).ok());
  EXPECT_FALSE(CheckNewPassword("password", std::string(1025, 'x')).ok());
}

}  // namespace
}  // namespace carillon::access
