#include "deploy/program/logging.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

#include <algorithm>
#include <limits>
#include <random>

#include "absl/strings/ascii.h"
#include "absl/strings/str_split.h"
#include "deploy/program/endpoint.h"
#include "deploy/program/options.h"

namespace carillon::program {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

absl::Time SomeTime() { return absl::FromUnixMicros(1'700'000'000'000'042); }

std::string Text(absl::string_view message, std::initializer_list<Field> fields) {
  return RenderLogLine(LogFormat::kText, SomeTime(), Level::kInfo, message,
                       {fields.begin(), fields.size()});
}

std::string Json(absl::string_view message, std::initializer_list<Field> fields) {
  return RenderLogLine(LogFormat::kJson, SomeTime(), Level::kWarn, message,
                       {fields.begin(), fields.size()});
}

TEST(LogTextTest, IsTimeLevelMessageAndFields) {
  EXPECT_EQ(Text("stream refused", {{"peer", "127.0.0.1:51034"}, {"reason", "no such user"}}),
            "2023-11-14T22:13:20.000042Z INFO stream refused peer=127.0.0.1:51034 "
            "reason=\"no such user\"");
}

TEST(LogTextTest, ShowsWhereAProgramListens) {
  EXPECT_THAT(Text("listening on 127.0.0.1:8093", {}),
              HasSubstr(" INFO listening on 127.0.0.1:8093"));
}

TEST(LogTextTest, RendersEveryType) {
  EXPECT_THAT(Text("m", {{"bool", true},
                         {"int", -5},
                         {"unsigned", std::numeric_limits<uint64_t>::max()},
                         {"double", 1.5},
                         {"string", std::string("s")},
                         {"view", absl::string_view("v")},
                         {"duration", absl::Milliseconds(1500)},
                         {"endpoint", Endpoint{"::1", 80}},
                         {"status", absl::NotFoundError("gone")}}),
              HasSubstr(" m bool=true int=-5 unsigned=18446744073709551615 double=1.5 string=s "
                        "view=v duration=1.5s endpoint=[::1]:80 status=\"NOT_FOUND: gone\""));
}

TEST(LogTextTest, AValueCannotBreakTheLineOrForgeAField) {
  EXPECT_THAT(
      Text("m", {{"a", "x\n2026-01-01 INFO forged\r\t\x1b[31m"}, {"b", "c d=e"}, {"c", "\"\\"}}),
      HasSubstr(" m a=\"x\\n2026-01-01 INFO forged\\r\\t\\x1b[31m\" b=\"c d=e\" "
                "c=\"\\\"\\\\\""));
  EXPECT_THAT(Text("two\nlines", {{"na me=\n", ""}}), HasSubstr(" two\\nlines na_me__=\"\""));
}

TEST(LogTextTest, KeepsUtf8AndEscapesWhatIsNot) {
  EXPECT_THAT(Text("m", {{"good", "grüße €😀"},
                         {"bad", "\xff\xc0\x80"},
                         {"c1", "\xc2\x9b"},
                         {"separator", "\xe2\x80\xa8"}}),
              HasSubstr(" good=\"grüße €😀\" bad=\"\\xff\\xc0\\x80\" c1=\"\\u009b\" "
                        "separator=\"\\u2028\""));
}

TEST(LogJsonTest, IsOneObject) {
  EXPECT_EQ(Json("stream refused", {{"peer", "a b"}, {"count", 3}, {"ratio", 0.5}, {"ok", false}}),
            "{\"time\":\"2023-11-14T22:13:20.000042Z\",\"level\":\"warn\","
            "\"message\":\"stream refused\",\"peer\":\"a b\",\"count\":3,\"ratio\":0.5,"
            "\"ok\":false}");
}

TEST(LogJsonTest, EscapesAndReplaces) {
  EXPECT_THAT(Json("a\"b\\c\n", {{"v", "\xff\x01"}}),
              HasSubstr("\"message\":\"a\\\"b\\\\c\\u000a\",\"v\":\"\xef\xbf\xbd\\u0001\""));
}

TEST(LogJsonTest, WritesNumbersThatJsonLacksAsStrings) {
  EXPECT_THAT(Json("m", {{"a", std::numeric_limits<double>::infinity()},
                         {"b", std::numeric_limits<double>::quiet_NaN()}}),
              HasSubstr("\"a\":\"inf\",\"b\":\"nan\""));
}

TEST(LogRenderTest, RandomBytesStayOneLineAndValidJson) {
  std::mt19937 random(7);
  std::uniform_int_distribution<int> byte(0, 255);
  std::uniform_int_distribution<size_t> length(0, 40);
  simdjson::dom::parser parser;
  const auto bytes = [&] {
    std::string text(length(random), '\0');
    for (char& c : text) c = static_cast<char>(byte(random));
    return text;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::string message = bytes();
    const std::string value = bytes();
    for (const std::string& line : {Text(message, {{"v", value}}), Json(message, {{"v", value}})}) {
      ASSERT_TRUE(std::none_of(line.begin(), line.end(), [](unsigned char c) {
        return absl::ascii_iscntrl(c);
      })) << i;
      ASSERT_TRUE(simdjson::validate_utf8(line)) << i;
    }
    const std::string json = Json(message, {{"v", value}});
    simdjson::dom::object object;
    ASSERT_EQ(parser.parse(json).get(object), simdjson::SUCCESS) << json;
    ASSERT_EQ(object.size(), 4u);
  }
}

TEST(RateLimitTest, CountsWhatItSuppresses) {
  RateLimit limit(2);
  const absl::Time start = SomeTime();
  EXPECT_EQ(limit.Admit(start), 0);
  EXPECT_EQ(limit.Admit(start), 0);
  EXPECT_EQ(limit.Admit(start + absl::Milliseconds(1)), std::nullopt);
  EXPECT_EQ(limit.Admit(start + absl::Milliseconds(999)), std::nullopt);
  EXPECT_EQ(limit.Admit(start + absl::Seconds(1)), 2);
  EXPECT_EQ(limit.Admit(start + absl::Seconds(1)), 0);
  EXPECT_EQ(limit.Admit(start + absl::Seconds(1)), std::nullopt);
}

TEST(RateLimitTest, AClockSetBackDoesNotSilenceIt) {
  RateLimit limit(1);
  EXPECT_EQ(limit.Admit(SomeTime()), 0);
  EXPECT_EQ(limit.Admit(SomeTime() - absl::Hours(1)), 0);
}

class LogOutputTest : public testing::Test {
 protected:
  ~LogOutputTest() override { InitLogging({}); }

  static std::string Captured() { return testing::internal::GetCapturedStderr(); }
};

TEST_F(LogOutputTest, GoesToStderrAboveItsLevel) {
  InitLogging({.format = LogFormat::kText, .level = Level::kWarn});
  testing::internal::CaptureStderr();
  Log(Level::kInfo, "quiet");
  Log(Level::kWarn, "loud", {{"n", 1}});
  const std::string output = Captured();
  EXPECT_THAT(output, Not(HasSubstr("quiet")));
  EXPECT_THAT(output, testing::EndsWith(" WARN loud n=1\n"));
}

struct CountsPrints {
  int* count;
  std::string ToString() const {
    ++*count;
    return "printed";
  }
};

TEST_F(LogOutputTest, RendersNothingBelowItsLevel) {
  int prints = 0;
  Log(Level::kDebug, "quiet", {{"v", CountsPrints{&prints}}});
  EXPECT_EQ(prints, 0);
}

TEST_F(LogOutputTest, ALimitedLogSaysHowManyItLeftOut) {
  LimitedLog log(1);
  testing::internal::CaptureStderr();
  // The first in its second is written; the rest of a burst within it is not.
  const absl::Time start = absl::Now();
  int written = 0;
  while (absl::Now() - start < absl::Milliseconds(1100)) {
    log.Log(Level::kError, "again", {{"n", ++written}});
  }
  const std::vector<std::string> lines = absl::StrSplit(Captured(), '\n', absl::SkipEmpty());
  ASSERT_EQ(lines.size(), 2u);
  EXPECT_THAT(lines[0], testing::EndsWith("again n=1"));
  EXPECT_THAT(lines[1], testing::ContainsRegex("again n=[0-9]+ suppressed=[0-9]+$"));
}

TEST_F(LogOutputTest, IsSetUpByOptions) {
  LogOptions log;
  OptionSet options({.name = "t", .summary = ""});
  AddLogOptions(&options, &log);
  EXPECT_THAT(options.Load({"--log-format=json", "--log-level=trace"}, {}).errors, IsEmpty());
  EXPECT_EQ(log.format, LogFormat::kJson);
  EXPECT_EQ(log.level, Level::kTrace);
}

TEST_F(LogOutputTest, ShowsTheConfigurationAtDebug) {
  std::string password = "hunter2";
  OptionSet options({.name = "t", .summary = ""});
  options.AddString("password", &password, "password").Secret();
  InitLogging({.format = LogFormat::kText, .level = Level::kDebug});
  testing::internal::CaptureStderr();
  LogConfiguration(options);
  EXPECT_THAT(Captured(), HasSubstr("DEBUG configuration option=\"password=***\"\n"));
}

}  // namespace
}  // namespace carillon::program
