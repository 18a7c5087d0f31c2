#include "broker/store/block_format.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "tests/unit/log/test_events.h"

namespace carillon::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

const absl::Time kCommitTime = absl::FromUnixMicros(1'700'000'000'123'456);

BlockBuilder ThreeEvents() {
  BlockBuilder builder({7, 41});
  builder.Add(log::MakeRecord("a"), "");
  builder.Add(log::MakeRecord("b", "id-b"), EventIdKey("fred", "id-b"));
  builder.Add(log::MakeRecord("c", "id-c"), EventIdKey("ann", "id-c"));
  return builder;
}

std::string Encode(const BlockBuilder& builder, uint64_t begin_offset = 1000) {
  std::string value(builder.value_bytes(), '?');
  builder.WriteTo(value.data(), kCommitTime, begin_offset);
  return value;
}

TEST(BlockFormat, IsReadAsItWasWritten) {
  BlockBuilder builder = ThreeEvents();
  const std::string value = Encode(builder);
  const log::EventBlockPtr written = builder.Finish();

  const absl::StatusOr<BlockView> block = BlockView::Parse(41, value);
  ASSERT_TRUE(block.ok()) << block.status();
  EXPECT_EQ(block->first_sequence(), 41u);
  EXPECT_EQ(block->next_sequence(), 44u);
  EXPECT_EQ(block->count(), 3u);
  EXPECT_EQ(block->commit_time(), kCommitTime);
  EXPECT_EQ(block->begin_offset(), 1000u);
  EXPECT_EQ(block->end_offset(), 1000u + written->bytes());
  for (uint32_t i = 0; i < 3; ++i) {
    const uint32_t begin = block->record_begin(i);
    EXPECT_EQ(block->records().substr(begin, block->record_begin(i + 1) - begin),
              written->record(i));
  }
  const auto id_keys = block->EventIdKeys();
  ASSERT_TRUE(id_keys.ok()) << id_keys.status();
  EXPECT_THAT(*id_keys, ElementsAre(EventIdKey("fred", "id-b"), EventIdKey("ann", "id-c")));
}

// What is on a disk somewhere must stay readable: these bytes must not change.
TEST(BlockFormat, LiesOnDiskAsSpecified) {
  BlockBuilder builder({7, 41});
  builder.Add(log::MakeRecord("a"), EventIdKey("p", "i"));
  const std::string value = Encode(builder);
  const std::string record(builder.Finish()->record(0));
  const std::string size_hex = absl::StrCat(absl::Hex(record.size(), absl::kZeroPad2), "000000");
  EXPECT_EQ(absl::BytesToHexString(value),
            absl::StrCat("01000000", "01000000", "40222018240a0600", "e803000000000000", size_hex,
                         "06000000", size_hex, absl::BytesToHexString(record), "0400", "0001", "70",
                         "69"));
}

TEST(BlockFormat, SaysThatABlockIsDamagedWhereverItIsCutShort) {
  const std::string value = Encode(ThreeEvents());
  for (size_t size = 0; size < value.size(); ++size) {
    EXPECT_EQ(BlockView::Parse(41, absl::string_view(value).substr(0, size)).status().code(),
              absl::StatusCode::kDataLoss)
        << size;
  }
}

TEST(BlockFormat, RefusesAVersionItDoesNotKnow) {
  std::string value = Encode(ThreeEvents());
  value[0] = 2;
  const absl::Status status = BlockView::Parse(41, value).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
  EXPECT_THAT(status.message(), HasSubstr("version is 2"));
}

TEST(BlockFormat, NeverReadsBeyondADamagedBlock) {
  const std::string good = Encode(ThreeEvents());
  std::mt19937 random(1);
  for (int round = 0; round < 20'000; ++round) {
    // On the heap and of exact size, so that a sanitizer sees a byte too far.
    std::string value = good;
    for (uint32_t changes = 1 + random() % 3; changes > 0; --changes) {
      value[random() % value.size()] = static_cast<char>(random());
    }
    value.shrink_to_fit();
    const absl::StatusOr<BlockView> block = BlockView::Parse(41, value);
    if (!block.ok()) continue;
    for (uint32_t i = 0; i <= block->count(); ++i) block->record_begin(i);
    block->EventIdKeys().IgnoreError();
  }
}

TEST(BlockBuilder, HasRoomForWhatFillsSixteenPages) {
  BlockBuilder builder({7, 1});
  const std::string record = log::MakeRecord("a", "", std::string(1000, 'x'));
  size_t count = 0;
  for (; builder.HasRoomFor(record, "key"); ++count) builder.Add(record, "key");
  EXPECT_LE(builder.value_bytes(), BlockBuilder::kValueBytesMax);
  EXPECT_GT(builder.value_bytes() + record.size() + 9, BlockBuilder::kValueBytesMax);
  EXPECT_GT(count, 60u);
}

TEST(EventIdKey, SortsTheIdsOfAPublisherAsTheyAre) {
  EXPECT_LT(EventIdKey("fred", "0001"), EventIdKey("fred", "0002"));
  EXPECT_LT(EventIdKey("fred", "0002"), EventIdKey("fred", "00020"));
}

TEST(EventIdKey, IsDifferentForDifferentPairs) {
  EXPECT_NE(EventIdKey("ab", "c"), EventIdKey("a", "bc"));
  EXPECT_NE(EventIdKey("", "abc"), EventIdKey("abc", ""));
}

}  // namespace
}  // namespace carillon::store
