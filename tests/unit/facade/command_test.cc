#include "wsfacade/ws/command.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "carillon/v1/filter.pb.h"

namespace carillon::facade {
namespace {

using testing::HasSubstr;

const absl::Time kNow = absl::FromUnixSeconds(1513898803) + absl::Nanoseconds(412554192);

TEST(ParseCommandTest, TakesRegisterAndDeregister) {
  const auto command = ParseCommand("register profiles.*.*");
  ASSERT_TRUE(command.ok()) << command.status();
  EXPECT_EQ(command->verb, Verb::kRegister);
  EXPECT_EQ(command->filter_text, "profiles.*.*");
  v1::Filter filter;
  ASSERT_TRUE(filter.ParseFromString(command->filter));
  EXPECT_EQ(filter.type().values(0), "profiles");
  EXPECT_FALSE(filter.has_action());
  EXPECT_EQ(ParseCommand("deregister a.b.c")->verb, Verb::kDeregister);
}

TEST(ParseCommandTest, IgnoresWhiteSpaceAroundTheCommand) {
  EXPECT_EQ(ParseCommand(" \t\r\nregister a.b.c \n")->filter_text, "a.b.c");
}

TEST(ParseCommandTest, KeepsTheFilterAsItWasSent) {
  EXPECT_EQ(ParseCommand("register a.b.key with . and spaces")->filter_text,
            "a.b.key with . and spaces");
}

TEST(ParseCommandTest, EqualFiltersInOtherWordsAreTheSame) {
  EXPECT_EQ(ParseCommand("register b, a,b.*.*")->filter,
            ParseCommand("deregister a,b.*.*")->filter);
}

TEST(ParseCommandTest, SaysWhatWouldBeRight) {
  EXPECT_THAT(ParseCommand("subscribe a.b.c").status().message(), HasSubstr("register"));
  EXPECT_THAT(ParseCommand("register").status().message(), HasSubstr("needs a filter"));
  EXPECT_FALSE(ParseCommand("register a.b").ok());
  EXPECT_FALSE(ParseCommand("").ok());
  EXPECT_FALSE(ParseCommand("Register a.b.c").ok());
}

TEST(ParseCommandTest, QuotesOnlyTheBeginningOfALongWord) {
  EXPECT_LT(ParseCommand(std::string(60000, 'x')).status().message().size(), 300u);
}

TEST(AnswerTest, AcknowledgesWithAnEvent) {
  std::string frame;
  AppendAckFrame(Verb::kDeregister, "a.b.\"c\"", kNow, &frame);
  EXPECT_EQ(frame.substr(2),
            R"({"Time":"2017-12-21T23:26:43.412554192Z","Type":"websocket","Action":"deregister",)"
            R"("Key":"a.b.\"c\"","Object":null})");
  EXPECT_EQ(static_cast<uint8_t>(frame[0]), 0x81);
  EXPECT_EQ(static_cast<size_t>(frame[1]), frame.size() - 2);
}

TEST(AnswerTest, ErrorsNameTheCommandCutBetweenCharacters) {
  std::string frame;
  AppendErrorFrame(std::string(255, 'x') + "\xc3\xa4", "wrong: \"this\"", kNow, &frame);
  EXPECT_THAT(frame, HasSubstr("\"Action\":\"error\",\"Key\":\"" + std::string(255, 'x') + "\""));
  EXPECT_THAT(frame, HasSubstr(R"("Object":{"Error":"wrong: \"this\""}})"));
}

}  // namespace
}  // namespace carillon::facade
