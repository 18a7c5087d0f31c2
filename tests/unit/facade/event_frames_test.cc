#include "wsfacade/hub/event_frames.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {
namespace {

using testing::ElementsAre;

TEST(EventFramesTest, BuildsTheFrameOfTheProtocol) {
  client::ReceivedEvent received;
  received.event.has_time = true;
  received.event.time = {1513898803, 412554192};
  received.event.type = "profiles";
  received.event.action = "save";
  received.event.key = "global";
  received.event.object = R"({"a":1.0})";
  received.event.position = "p7";
  const std::vector<int64_t> ids = {3, 5};
  received.subscription_ids = ids;
  const auto frames = BuildEventFrames({received});
  const std::string json =
      R"({"Time":"2017-12-21T23:26:43.412554192Z","Type":"profiles","Action":"save",)"
      R"("Key":"global","Object":{"a":1.0}})";
  std::string expected;
  AppendFrame(Opcode::kText, json, &expected);
  EXPECT_EQ(frames->bytes->bytes(), expected);
  ASSERT_EQ(frames->events.size(), 1u);
  EXPECT_EQ(frames->events[0].end, expected.size());
  EXPECT_THAT(frames->ids, ElementsAre(3, 5));
}

TEST(EventFramesTest, KnowsIdsAndPositionOfEachEvent) {
  std::vector<client::ReceivedEvent> events(3);
  const std::vector<int64_t> first = {3, 5};
  const std::vector<int64_t> last = {7};
  events[0].subscription_ids = first;
  events[0].event.position = "p1";
  events[2].subscription_ids = last;
  events[2].event.position = "p30";
  const auto frames = BuildEventFrames(events);
  EXPECT_THAT(frames->ids_of(0), ElementsAre(3, 5));
  EXPECT_THAT(frames->ids_of(1), ElementsAre());
  EXPECT_THAT(frames->ids_of(2), ElementsAre(7));
  EXPECT_EQ(frames->position_of(0), "p1");
  EXPECT_EQ(frames->position_of(1), "");
  EXPECT_EQ(frames->position_of(2), "p30");
}

TEST(EventFramesTest, LaysFramesOfAllSizesEndToEnd) {
  std::vector<client::ReceivedEvent> events;
  const std::vector<std::string> objects = {"", "1", '"' + std::string(200, 'x') + '"',
                                            '"' + std::string(70000, 'y') + '"', "null"};
  for (const std::string& object : objects) {
    client::ReceivedEvent& received = events.emplace_back();
    received.event.type = "t";
    received.event.action = "a";
    received.event.object = object;
  }
  const auto frames = BuildEventFrames(events);
  const std::string& bytes = frames->bytes->bytes();
  uint32_t begin = 0;
  for (size_t i = 0; i < objects.size(); ++i) {
    const EventFrames::Event& event = frames->events[i];
    ASSERT_EQ(event.begin, begin);
    begin = event.end;
    const size_t json = bytes.find("{\"Time\"", event.begin);
    ASSERT_LE(json, event.begin + kFrameHeaderBytesMax);
    std::string expected;
    AppendFrame(Opcode::kText, bytes.substr(json, event.end - json), &expected);
    EXPECT_EQ(bytes.substr(event.begin, event.end - event.begin), expected);
    EXPECT_NE(expected.find(objects[i]), std::string::npos);
  }
  EXPECT_EQ(begin, bytes.size());
}

}  // namespace
}  // namespace carillon::facade
