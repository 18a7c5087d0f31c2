#include "carillon/wire/event_view.h"

#include <gmock/gmock.h>
#include <google/protobuf/stubs/logging.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <limits>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "carillon/v1/event.pb.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::wire {
namespace {

using ::testing::ElementsAre;

std::string RandomBytes(std::mt19937* random, size_t size_max) {
  std::string bytes(std::uniform_int_distribution<size_t>(0, size_max)(*random), '\0');
  for (char& c : bytes) c = static_cast<char>((*random)());
  return bytes;
}

// Mostly short, at times so long that lengths take several bytes.
std::string RandomText(std::mt19937* random) {
  const size_t size_max = (*random)() % 8 == 0 ? 300 : 12;
  std::string text = RandomBytes(random, size_max);
  for (char& c : text) c = static_cast<char>('a' + (static_cast<unsigned char>(c) % 26));
  return text;
}

int64_t RandomNumber(std::mt19937* random) {
  const int64_t bits = static_cast<int64_t>(uint64_t{(*random)()} << 32 | (*random)());
  return bits >> ((*random)() % 64);
}

v1::Event RandomEvent(std::mt19937* random) {
  v1::Event event;
  if ((*random)() % 4 != 0) {
    event.mutable_time()->set_seconds(RandomNumber(random));
    event.mutable_time()->set_nanos(static_cast<int32_t>(RandomNumber(random)));
  }
  event.set_type(RandomText(random));
  event.set_action(RandomText(random));
  event.set_key(RandomText(random));
  event.set_principal(RandomText(random));
  event.set_object(RandomBytes(random, 40));
  event.set_original(RandomBytes(random, 40));
  event.set_event_id(RandomText(random));
  event.set_position(RandomText(random));
  return event;
}

v1::Event ToProto(const EventView& view) {
  v1::Event event;
  if (view.has_time) {
    event.mutable_time()->set_seconds(view.time.seconds);
    event.mutable_time()->set_nanos(view.time.nanos);
  }
  event.set_type(std::string(view.type));
  event.set_action(std::string(view.action));
  event.set_key(std::string(view.key));
  event.set_principal(std::string(view.principal));
  event.set_object(std::string(view.object));
  event.set_original(std::string(view.original));
  event.set_event_id(std::string(view.event_id));
  event.set_position(std::string(view.position));
  return event;
}

std::string RecordOf(const v1::Event& event) {
  const std::string encoded = event.SerializeAsString();
  EventView view;
  EXPECT_TRUE(ParseEvent(encoded, &view));
  std::string record;
  const size_t size = AppendEventRecord(view, &record);
  EXPECT_EQ(size, record.size());
  return record;
}

TEST(ParseEventTest, AgreesWithProtobufOnWhatItSerializes) {
  std::mt19937 random(1);
  for (int i = 0; i < 20'000; ++i) {
    const v1::Event event = RandomEvent(&random);
    const std::string encoded = event.SerializeAsString();
    EventView view;
    ASSERT_TRUE(ParseEvent(encoded, &view));
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(view), event))
        << event.DebugString();
  }
}

// Strings hold bytes here, and protobuf wants UTF-8 in them: compared is what both accept.
TEST(ParseEventTest, AgreesWithProtobufOnDamagedInput) {
  const google::protobuf::LogSilencer no_complaints;
  std::mt19937 random(2);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string encoded = RandomEvent(&random).SerializeAsString();
    for (unsigned damage = random() % 3; damage > 0 && !encoded.empty(); --damage) {
      encoded[random() % encoded.size()] = static_cast<char>(random());
    }
    if (random() % 2 == 0) encoded.resize(random() % (encoded.size() + 1));
    EventView view;
    const bool parsed = ParseEvent(encoded, &view);
    v1::Event event;
    if (!event.ParseFromString(encoded)) continue;
    ASSERT_TRUE(parsed) << event.DebugString();
    event.DiscardUnknownFields();
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(ToProto(view), event))
        << event.DebugString();
    ++accepted;
  }
  EXPECT_GT(accepted, 5'000);
}

TEST(ParseEventTest, RefusesTruncatedFields) {
  v1::Event event;
  event.set_type("machines");
  event.set_object(R"({"Name":"a"})");
  const std::string encoded = event.SerializeAsString();
  int whole = 0;
  for (size_t size = 0; size < encoded.size(); ++size) {
    EventView view;
    whole += ParseEvent(encoded.substr(0, size), &view) ? 1 : 0;
  }
  // The empty message and the one that ends between both fields.
  EXPECT_EQ(whole, 2);
}

TEST(ParseEventTest, RefusesALengthBeyondTheInput) {
  EventView view;
  EXPECT_FALSE(ParseEvent(absl::string_view("\x12\xff\xff\xff\xff\x07", 6), &view));
  EXPECT_FALSE(ParseEvent(absl::string_view("\x12\xff\xff\xff\xff\x0f", 6), &view));
  EXPECT_FALSE(ParseEvent(absl::string_view("\x12\x05machi", 6), &view));
}

TEST(ParseEventTest, PassesOverUnknownFieldsAndTakesTheLastOfARepeatedOne) {
  v1::Event first;
  first.set_type("first");
  v1::Event last;
  last.set_type("last");
  // Field 100, length-delimited, and field 101, a varint.
  const std::string unknown("\xa2\x06\x02xy\xa8\x06\x05", 8);
  EventView view;
  const std::string encoded = first.SerializeAsString() + unknown + last.SerializeAsString();
  ASSERT_TRUE(ParseEvent(encoded, &view));
  EXPECT_EQ(view.type, "last");
}

TEST(ParseEventTest, KnowsATimeOfZeroFromNone) {
  v1::Event event;
  event.mutable_time();
  EventView view;
  const std::string encoded = event.SerializeAsString();
  ASSERT_TRUE(ParseEvent(encoded, &view));
  EXPECT_TRUE(view.has_time);
  EventView none;
  ASSERT_TRUE(ParseEvent("", &none));
  EXPECT_FALSE(none.has_time);
}

TEST(EventRecordTest, IsAnElementOfAnEventBatch) {
  std::mt19937 random(3);
  for (int i = 0; i < 2'000; ++i) {
    v1::EventBatch expected;
    std::string records;
    for (unsigned n = random() % 4; n > 0; --n) {
      v1::Event event = RandomEvent(&random);
      std::string record = RecordOf(event);
      const std::string position = "0123456789abcde" + std::to_string(n);
      SetRecordPosition(record.data(), position);
      event.set_position(position);
      *expected.add_events() = event;
      records += record;
    }
    v1::EventBatch batch;
    ASSERT_TRUE(batch.ParseFromString(records));
    ASSERT_TRUE(google::protobuf::util::MessageDifferencer::Equals(batch, expected));
  }
}

TEST(EventRecordTest, HoldsTheExtremesOfTime) {
  for (const int64_t seconds : {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0},
                                std::numeric_limits<int64_t>::max()}) {
    for (const int32_t nanos : {std::numeric_limits<int32_t>::min(), -1, 0, 999'999'999}) {
      v1::Event event;
      event.mutable_time()->set_seconds(seconds);
      event.mutable_time()->set_nanos(nanos);
      v1::Event read;
      const std::string record = RecordOf(event);
      const absl::string_view body = EventOfRecord(record);
      ASSERT_TRUE(read.ParseFromArray(body.data(), static_cast<int>(body.size())));
      EXPECT_EQ(read.time().seconds(), seconds);
      EXPECT_EQ(read.time().nanos(), nanos);
    }
  }
}

TEST(EventRecordTest, IsFoundAmongOthersByItsSize) {
  v1::Event small;
  small.set_type("a");
  v1::Event large;
  large.set_object(std::string(1'000'000, ' '));
  const std::string first = RecordOf(small);
  const std::string second = RecordOf(large);
  const std::string records = first + second;
  EXPECT_EQ(FirstRecordSize(records), first.size());
  EXPECT_EQ(FirstRecordSize(absl::string_view(records).substr(first.size())), second.size());
  EXPECT_EQ(FirstRecordSize(absl::string_view(second).substr(0, second.size() - 1)), 0u);
  EXPECT_EQ(FirstRecordSize(""), 0u);
  EXPECT_EQ(FirstRecordSize("\x0a"), 0u);
  EXPECT_EQ(FirstRecordSize("\x12\x01x"), 0u);
}

TEST(SplitRepeatedTest, YieldsThePayloadsOfOneFieldInOrder) {
  v1::PublishRequest request;
  request.add_events()->set_type("a");
  request.add_events();
  request.add_events()->set_type("b");
  // Unknown: field 2 and, as a varint, field 1.
  const std::string encoded = request.SerializeAsString() + std::string("\x12\x01x\x08\x05", 5);
  std::vector<absl::string_view> payloads;
  ASSERT_TRUE(SplitRepeated(encoded, 1, &payloads));
  EXPECT_THAT(payloads, ElementsAre("\x12\x01"
                                    "a",
                                    "",
                                    "\x12\x01"
                                    "b"));
}

TEST(SplitRepeatedTest, RefusesWhatIsNotProtobuf) {
  std::vector<absl::string_view> payloads;
  EXPECT_FALSE(
      SplitRepeated("\x0a\x05"
                    "abc",
                    1, &payloads));
  EXPECT_FALSE(SplitRepeated(absl::string_view("\x00", 1), 1, &payloads));
  EXPECT_FALSE(SplitRepeated("\x0f", 1, &payloads));
  // An end group that nothing began.
  EXPECT_FALSE(SplitRepeated("\x0c", 1, &payloads));
}

TEST(ParseRepeatedInt64Test, ReadsPackedAndUnpackedNumbers) {
  v1::Matches matches;
  for (const int64_t id : {int64_t{1}, int64_t{300}, int64_t{-1}}) {
    matches.add_subscription_ids(id);
  }
  // And field 1 once more, unpacked.
  const std::string encoded = matches.SerializeAsString() + "\x08\x07";
  std::vector<int64_t> values;
  ASSERT_TRUE(ParseRepeatedInt64(encoded, 1, &values));
  EXPECT_THAT(values, ElementsAre(1, 300, -1, 7));
}

TEST(ParseRepeatedInt64Test, ReadsAllThatProtobufReads) {
  std::mt19937 random(4);
  int accepted = 0;
  for (int i = 0; i < 50'000; ++i) {
    std::string encoded = RandomBytes(&random, 8);
    if (random() % 2 == 0) {
      v1::Matches matches;
      for (unsigned n = random() % 5; n > 0; --n) {
        matches.add_subscription_ids(RandomNumber(&random));
      }
      encoded = matches.SerializeAsString();
      if (!encoded.empty()) encoded[random() % encoded.size()] ^= static_cast<char>(random() % 2);
    }
    v1::Matches matches;
    std::vector<int64_t> values;
    // It lets tags pass that are longer than they need be.
    if (!matches.ParseFromString(encoded)) continue;
    ASSERT_TRUE(ParseRepeatedInt64(encoded, 1, &values)) << absl::BytesToHexString(encoded);
    ASSERT_THAT(values, ::testing::ElementsAreArray(matches.subscription_ids()));
    ++accepted;
  }
  EXPECT_GT(accepted, 5'000);
}

}  // namespace
}  // namespace carillon::wire
