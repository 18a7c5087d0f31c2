#include "broker/delivery/response_encoder.h"

#include <gtest/gtest.h>

#include <memory>
#include <random>
#include <string>
#include <vector>

#include "carillon/v1/event_service.pb.h"
#include "tests/unit/delivery/blocks.h"

namespace carillon::delivery {
namespace {

std::string Joined(const std::vector<MessagePart>& parts) {
  std::string bytes;
  for (const MessagePart& part : parts) bytes.append(part.bytes.data(), part.bytes.size());
  return bytes;
}

TEST(EncodeEventsTest, AWatchGetsTheEventsAlone) {
  v1::WatchResponse response;
  const std::vector<Deliveries> batch = {All(Block(7, {"a", "b"})), All(Block(9, {"c"}))};
  ASSERT_TRUE(response.ParseFromString(Joined(EncodeEvents(batch))));
  ASSERT_EQ(response.events().events_size(), 3);
  EXPECT_EQ(response.events().events(0).key(), "a");
  EXPECT_EQ(response.events().events(2).key(), "c");
  EXPECT_EQ(response.events().events(2).position(), log::PositionString({1, 9}));
  EXPECT_EQ(response.events().matches_size(), 0);
}

TEST(EncodeEventsTest, ManyRecordsInARowAreSharedWithTheirBlock) {
  log::EventBlockPtr block = Block(1, std::vector<std::string>(30, "key"), std::string(500, 'x'));
  std::vector<Deliveries> batch = {All(block)};
  // One is missing, and what is behind it is short.
  batch[0].events.erase(batch[0].events.begin() + 28);
  std::vector<MessagePart> parts = EncodeEvents(batch);
  ASSERT_EQ(parts.size(), 3u);
  EXPECT_EQ(parts[1].bytes.data(), block->record(0).data());
  EXPECT_EQ(parts[1].bytes.size(), 28 * block->record(0).size());
  EXPECT_NE(parts[2].bytes.data(), block->record(29).data());

  const std::weak_ptr<const log::EventBlock> alive = block;
  batch.clear();
  block = nullptr;
  parts[0].owner = nullptr;
  EXPECT_FALSE(alive.expired());
  const std::string bytes = Joined({parts[1], parts[2]});
  v1::EventBatch events;
  ASSERT_TRUE(events.ParseFromString(bytes));
  ASSERT_EQ(events.events_size(), 29);
  EXPECT_EQ(events.events(28).position(), log::PositionString({1, 30}));
  parts.clear();
  EXPECT_TRUE(alive.expired());
}

TEST(EncodeEventsTest, ABlockThatIsMostlyOthersIsNotKept) {
  log::EventBlockPtr block = Block(1, std::vector<std::string>(30, "key"), std::string(500, 'x'));
  Deliveries deliveries = All(block);
  deliveries.events.resize(12);
  const std::weak_ptr<const log::EventBlock> alive = block;
  const std::vector<MessagePart> parts = EncodeEvents({std::move(deliveries)});
  block = nullptr;
  EXPECT_TRUE(alive.expired());
  v1::WatchResponse response;
  ASSERT_TRUE(response.ParseFromString(Joined(parts)));
  EXPECT_EQ(response.events().events_size(), 12);
}

// Any choice of events out of blocks, with any ids, comes out as it went in.
TEST(EncodeEventsTest, EventsComeWithTheIdsOfTheirOwnSubscriptions) {
  std::mt19937 random(1);
  for (int round = 0; round < 200; ++round) {
    std::vector<Deliveries> batch;
    std::vector<std::string> keys;
    std::vector<std::vector<int64_t>> ids;
    uint64_t sequence = 1;
    for (int blocks = std::uniform_int_distribution<>(1, 3)(random); blocks > 0; --blocks) {
      std::vector<std::string> block_keys;
      for (int i = std::uniform_int_distribution<>(1, 20)(random); i > 0; --i) {
        block_keys.push_back("key-" + std::to_string(random()));
      }
      Deliveries deliveries;
      deliveries.block = Block(sequence, block_keys, std::string(random() % 3'000, 'x'));
      sequence += block_keys.size();
      for (uint32_t i = 0; i < block_keys.size(); ++i) {
        if (i > 0 && random() % 2 == 0) continue;
        deliveries.AddEvent(i);
        keys.push_back(block_keys[i]);
        ids.emplace_back();
        for (int n = std::uniform_int_distribution<>(1, 4)(random); n > 0; --n) {
          ids.back().push_back(static_cast<int64_t>(random()) << (random() % 30));
          deliveries.AddId(ids.back().back());
        }
      }
      batch.push_back(std::move(deliveries));
    }
    v1::SubscribeResponse response;
    ASSERT_TRUE(response.ParseFromString(Joined(EncodeEvents(batch))));
    const v1::EventBatch& events = response.events();
    ASSERT_EQ(events.events_size(), static_cast<int>(keys.size()));
    ASSERT_EQ(events.matches_size(), static_cast<int>(keys.size()));
    for (int i = 0; i < events.events_size(); ++i) {
      EXPECT_EQ(events.events(i).key(), keys[i]);
      const auto& got = events.matches(i).subscription_ids();
      EXPECT_EQ(std::vector<int64_t>(got.begin(), got.end()), ids[i]);
    }
  }
}

}  // namespace
}  // namespace carillon::delivery
