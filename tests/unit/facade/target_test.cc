#include "wsfacade/http/target.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon::facade {
namespace {

using testing::ElementsAre;
using testing::Pair;

TEST(ParseTargetTest, SplitsPathAndQuery) {
  const auto target = ParseTarget("/api/v3/users/fred/token?ttl=600&roles=a,b");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->segments, ElementsAre("api", "v3", "users", "fred", "token"));
  EXPECT_THAT(target->query, ElementsAre(Pair("ttl", "600"), Pair("roles", "a,b")));
}

TEST(ParseTargetTest, DecodesPartsAfterSplitting) {
  const auto target = ParseTarget("/users/a%2Fb+c/x?k%3D=1%262&s=a+b%2B");
  ASSERT_TRUE(target.ok());
  EXPECT_THAT(target->segments, ElementsAre("users", "a/b+c", "x"));
  EXPECT_THAT(target->query, ElementsAre(Pair("k=", "1&2"), Pair("s", "a b+")));
}

TEST(ParseTargetTest, AFragmentIsNoPartOfIt) {
  const auto target = ParseTarget("/api/v3/ws?token=secret#also");
  EXPECT_THAT(target->segments, ElementsAre("api", "v3", "ws"));
  EXPECT_THAT(target->query, ElementsAre(Pair("token", "secret")));
}

TEST(ParseTargetTest, TakesAbsoluteForm) {
  EXPECT_THAT(ParseTarget("https://host:1/a/b?c=d")->segments, ElementsAre("a", "b"));
  EXPECT_THAT(ParseTarget("https://host")->segments, ElementsAre(""));
}

TEST(ParseTargetTest, RefusesWithoutRepeatingTheTarget) {
  for (const char* text : {"/a?token=sec%ret", "/a?token=secret%2", "secret", "*", ""}) {
    const auto target = ParseTarget(text);
    ASSERT_FALSE(target.ok()) << text;
    EXPECT_EQ(target.status().message().find("sec"), std::string::npos);
  }
}

TEST(TargetTest, ParametersAreFoundInAnyCase) {
  const auto target = ParseTarget("/?Token=a&TOKEN=b&x");
  EXPECT_EQ(target->Parameter("token"), "a");
  EXPECT_EQ(target->Parameter("x"), "");
  EXPECT_EQ(target->Parameter("y"), std::nullopt);
}

}  // namespace
}  // namespace carillon::facade
