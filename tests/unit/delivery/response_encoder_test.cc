#include "broker/delivery/response_encoder.h"

#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "carillon/v1/event_service.pb.h"
#include "tests/unit/delivery/blocks.h"

namespace carillon::delivery {
namespace {

std::string Encoded(const std::vector<Deliveries>& batch) {
  const EventsEncoder encoder(batch);
  // One byte more than it says it needs shows whether it keeps to it.
  std::string bytes(encoder.size() + 1, '\x7f');
  encoder.Encode(reinterpret_cast<uint8_t*>(bytes.data()));
  EXPECT_EQ(bytes.back(), '\x7f');
  bytes.pop_back();
  return bytes;
}

TEST(EventsEncoderTest, AWatchGetsTheEventsAlone) {
  v1::WatchResponse response;
  ASSERT_TRUE(response.ParseFromString(Encoded({All(Block(7, {"a", "b"})), All(Block(9, {"c"}))})));
  ASSERT_EQ(response.events().events_size(), 3);
  EXPECT_EQ(response.events().events(0).key(), "a");
  EXPECT_EQ(response.events().events(2).key(), "c");
  EXPECT_EQ(response.events().events(2).position(), log::PositionString({1, 9}));
  EXPECT_EQ(response.events().matches_size(), 0);
}

// Any choice of events out of blocks, with any ids, comes out as it went in.
TEST(EventsEncoderTest, EventsComeWithTheIdsOfTheirOwnSubscriptions) {
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
      deliveries.block = Block(sequence, block_keys);
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
    ASSERT_TRUE(response.ParseFromString(Encoded(batch)));
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
