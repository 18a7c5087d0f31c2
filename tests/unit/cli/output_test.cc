#include "clients/cli/output.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <csignal>

#include "clients/cli/progress.h"

namespace carillon::cli {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

wire::EventView SampleEvent() {
  wire::EventView event;
  event.has_time = true;
  event.time = {1513898803, 412554192};
  event.type = "profiles";
  event.action = "save";
  event.key = "global";
  event.principal = "fred";
  event.object = "{\"a\": 1}";
  event.position = "AAAAAAAAAAAAAAAB";
  return event;
}

TEST(EventJsonLine, IsTheEventOfTheWireProtocol) {
  std::string line;
  AppendEventJsonLine(SampleEvent(), false, &line);
  EXPECT_EQ(line,
            "{\"Time\":\"2017-12-21T23:26:43.412554192Z\",\"Type\":\"profiles\",\"Action\":"
            "\"save\",\"Key\":\"global\",\"Principal\":\"fred\",\"Object\":{\"a\": 1}}\n");
}

TEST(EventJsonLine, AddsThePositionIfWanted) {
  std::string line;
  AppendEventJsonLine(SampleEvent(), true, &line);
  EXPECT_THAT(line, EndsWith("\"Object\":{\"a\": 1},\"Position\":\"AAAAAAAAAAAAAAAB\"}\n"));
}

TEST(EventJsonLine, StaysOneLineWhateverWhiteSpaceTheObjectHas) {
  wire::EventView event = SampleEvent();
  event.object = "{\r\n  \"a\": \"b\\nc\"\n}";
  std::string line;
  AppendEventJsonLine(event, false, &line);
  EXPECT_THAT(line, EndsWith("\"Object\":{    \"a\": \"b\\nc\" }}\n"));
}

TEST(EventText, ShowsAllFieldsOnOneLine) {
  std::string line;
  AppendEventText(SampleEvent(), 0, &line);
  EXPECT_THAT(line, StartsWith("2017-12-21T23:26:43.412Z  profiles        save"));
  EXPECT_THAT(line, HasSubstr("global"));
  EXPECT_THAT(line, HasSubstr("fred"));
  EXPECT_THAT(line, EndsWith("{\"a\": 1}\n"));
}

TEST(EventText, CannotDriveTheTerminal) {
  wire::EventView event = SampleEvent();
  event.object = "\"\u009b2J\"\n";
  event.key = "a\x1b[2Jb";
  std::string line;
  AppendEventText(event, 0, &line);
  EXPECT_EQ(line.find('\x1b'), std::string::npos);
  EXPECT_EQ(line.find("\u009b"), std::string::npos);
  EXPECT_EQ(line.find('\n'), line.size() - 1);
}

TEST(CutToWidth, CountsCharactersAndNotBytes) {
  EXPECT_EQ(CutToWidth("größe", 5), "größe");
  EXPECT_EQ(CutToWidth("größer", 5), "größ…");
  EXPECT_EQ(CutToWidth("", 5), "");
}

TEST(Table, AlignsColumnsByCharacters) {
  EXPECT_EQ(FormatTable({{"NAME", "ROLES"}, {"jürgen", "a"}, {"al", "b"}}),
            "NAME    ROLES\njürgen  a\nal      b\n");
}

TEST(Thousands, ArePartedByCommas) {
  EXPECT_EQ(WithThousands(0), "0");
  EXPECT_EQ(WithThousands(999), "999");
  EXPECT_EQ(WithThousands(1234567), "1,234,567");
  EXPECT_EQ(WithThousands(-1000), "-1,000");
}

TEST(WriteAll, TellsWhenNobodyReads) {
  std::signal(SIGPIPE, SIG_IGN);
  std::array<int, 2> ends = {};
  ASSERT_EQ(pipe(ends.data()), 0);
  EXPECT_TRUE(WriteAll(ends[1], "text"));
  close(ends[0]);
  EXPECT_FALSE(WriteAll(ends[1], "text"));
  close(ends[1]);
}

TEST(Progress, ShowsABarWhenTheSizeIsKnown) {
  ProgressState state;
  state.bytes = 50;
  state.bytes_total = 100;
  state.acknowledged = 1234;
  state.elapsed = absl::Seconds(2);
  EXPECT_EQ(FormatProgress(state, 80),
            "[###############               ] 50%  1,234 acknowledged, 617/s");
}

TEST(Progress, ShowsCountsOnlyWhenItIsNot) {
  ProgressState state;
  state.acknowledged = 5;
  state.refused = 2;
  EXPECT_EQ(FormatProgress(state, 80), "5 acknowledged, 2 refused");
}

TEST(Progress, StaysOnOneLineOfANarrowTerminal) {
  ProgressState state;
  state.acknowledged = 1234567;
  EXPECT_EQ(FormatProgress(state, 10), "1,234,567…");
}

}  // namespace
}  // namespace carillon::cli
