#include "clients/cli/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "clients/cli/token_words.h"

namespace carillon::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

TEST(DurationText, IsSecondsOrANumberWithAUnit) {
  EXPECT_EQ(*ParseDurationText("600"), absl::Seconds(600));
  EXPECT_EQ(*ParseDurationText("10m"), absl::Minutes(10));
  EXPECT_EQ(*ParseDurationText("1h30m"), absl::Minutes(90));
  EXPECT_EQ(*ParseDurationText("30d"), absl::Hours(720));
  EXPECT_EQ(*ParseDurationText("250ms"), absl::Milliseconds(250));
  EXPECT_EQ(*ParseDurationText("0"), absl::ZeroDuration());
}

TEST(DurationText, RefusesWhatIsNoDurationAndSaysWhatWouldBe) {
  for (const char* text : {"", "soon", "-5", "10 minutes"}) {
    EXPECT_THAT(std::string(ParseDurationText(text).status().message()), HasSubstr("10m")) << text;
  }
}

TEST(TimeText, KeepsNanosecondsAndTakesAnyZone) {
  const absl::StatusOr<absl::Time> time = ParseTimeText("2017-12-21T23:26:43.412554192Z");
  ASSERT_TRUE(time.ok());
  EXPECT_EQ(absl::ToUnixNanos(*time), 1513898803412554192);
  EXPECT_EQ(*ParseTimeText("2017-12-22T00:26:43.412554192+01:00"), *time);
  EXPECT_FALSE(ParseTimeText("yesterday").ok());
  EXPECT_FALSE(ParseTimeText("2017-12-21T23:26:43").ok());
}

v1::Condition Condition(absl::string_view text) {
  absl::StatusOr<v1::Condition> condition = ParseCondition(text);
  EXPECT_TRUE(condition.ok()) << condition.status();
  return condition.ok() ? *condition : v1::Condition();
}

TEST(ConditionText, HasAPointerAnOperatorAndAValue) {
  const v1::Condition condition = Condition("/Meta/color = blue");
  EXPECT_EQ(condition.pointer(), "/Meta/color");
  EXPECT_EQ(condition.operator_(), v1::Condition::OPERATOR_EQUAL);
  EXPECT_EQ(condition.string_value(), "blue");
}

TEST(ConditionText, ReadsAValueAsJsonIfItIsJson) {
  EXPECT_EQ(Condition("/n > 10").int64_value(), 10);
  EXPECT_EQ(Condition("/n <= -9223372036854775808").int64_value(), INT64_MIN);
  EXPECT_DOUBLE_EQ(Condition("/n < 1.5e3").double_value(), 1500);
  EXPECT_TRUE(Condition("/ok = true").bool_value());
  EXPECT_TRUE(Condition("/ok != null").has_null_value());
  EXPECT_EQ(Condition(R"(/s = "10")").string_value(), "10");
  EXPECT_EQ(Condition(R"(/s = "a\nb \u00e9")").string_value(), "a\nb \u00e9");
  EXPECT_EQ(Condition("/s = nan").string_value(), "nan");
  EXPECT_EQ(Condition("/s = two words").string_value(), "two words");
}

TEST(ConditionText, ComparesPrefixesWithStringsOnly) {
  EXPECT_EQ(Condition("/s ^= 10").string_value(), "10");
}

TEST(ConditionText, TakesPointersWithSpacesAndTheWholeObject) {
  EXPECT_EQ(Condition("/Display name = x").pointer(), "/Display name");
  const v1::Condition whole = Condition("= 5");
  EXPECT_EQ(whole.pointer(), "");
  EXPECT_EQ(whole.int64_value(), 5);
}

TEST(ConditionText, HasOperatorsWithoutAValue) {
  EXPECT_EQ(Condition("/a exists").operator_(), v1::Condition::OPERATOR_EXISTS);
  EXPECT_EQ(Condition("/a missing").operator_(), v1::Condition::OPERATOR_NOT_EXISTS);
}

TEST(ConditionText, RefusesWhatIsIncompleteAndShowsAnExample) {
  for (const char* text : {"", "/a", "/a =", "a = 1", "/a exists 1", "/a ~ 1"}) {
    const absl::StatusOr<v1::Condition> condition = ParseCondition(text);
    ASSERT_FALSE(condition.ok()) << text;
    EXPECT_THAT(std::string(condition.status().message()), HasSubstr("/Meta/color = blue"));
  }
}

TEST(ClaimText, IsSplitAtTheFirstTwoDots) {
  const absl::StatusOr<v1::Claim> claim = ParseClaim("machines,profiles.*.host.example.com");
  ASSERT_TRUE(claim.ok());
  EXPECT_EQ(claim->scope(), "machines,profiles");
  EXPECT_EQ(claim->action(), "*");
  EXPECT_EQ(claim->specific(), "host.example.com");
}

TEST(ClaimText, WritesADotAsBackslashOne) { EXPECT_EQ(ParseClaim(R"(a\1b.c.d)")->scope(), "a.b"); }

TEST(ClaimText, RefusesFewerThanThreeParts) {
  for (const char* text : {"", "a", "a.b", "a..c", ".b.c", "a.b."}) {
    EXPECT_FALSE(ParseClaim(text).ok()) << text;
  }
}

TEST(ListText, DropsSpacesAndEmptyItems) {
  EXPECT_THAT(SplitList(" a, b c ,,d"), ElementsAre("a", "b c", "d"));
  EXPECT_THAT(SplitList(""), IsEmpty());
}

TEST(TokenWordsText, ReadsPairsInAnyOrder) {
  TokenWords words;
  ASSERT_TRUE(ReadTokenWords({"scope", "users", "ttl", "600", "action", "password", "specific",
                              "fred", "roles", "a,b"},
                             &words)
                  .ok());
  const absl::StatusOr<v1::GrantTokenRequest> request = MakeTokenRequest("fred", words);
  ASSERT_TRUE(request.ok());
  EXPECT_EQ(request->name(), "fred");
  EXPECT_EQ(request->ttl().seconds(), 600);
  EXPECT_THAT(request->roles(), ElementsAre("a", "b"));
  EXPECT_EQ(request->claim().scope(), "users");
  EXPECT_EQ(request->claim().action(), "password");
  EXPECT_EQ(request->claim().specific(), "fred");
}

TEST(TokenWordsText, LeavesOutWhatIsNotSaid) {
  const absl::StatusOr<v1::GrantTokenRequest> request = MakeTokenRequest("fred", {});
  ASSERT_TRUE(request.ok());
  EXPECT_FALSE(request->has_ttl());
  EXPECT_FALSE(request->has_claim());
  EXPECT_THAT(request->roles(), IsEmpty());
}

TEST(TokenWordsText, RefusesUnknownRepeatedAndLonelyWords) {
  TokenWords words;
  EXPECT_FALSE(ReadTokenWords({"lifetime", "600"}, &words).ok());
  EXPECT_FALSE(ReadTokenWords({"ttl"}, &words).ok());
  words.ttl = "5";
  EXPECT_FALSE(ReadTokenWords({"ttl", "600"}, &words).ok());
}

}  // namespace
}  // namespace carillon::cli
