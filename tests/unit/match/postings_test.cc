#include "broker/match/postings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace carillon::match {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::vector<uint32_t> Slots(const Postings& postings) {
  std::vector<uint32_t> slots;
  postings.ForEach([&slots](Posting posting) { slots.push_back(posting.slot()); });
  return slots;
}

TEST(PostingTest, HoldsTheExtremes) {
  const Posting posting(UINT32_MAX, (1u << 30) - 1, true);
  EXPECT_EQ(posting.slot(), UINT32_MAX);
  EXPECT_EQ(posting.ordinal(), (1u << 30) - 1);
  EXPECT_TRUE(posting.check());
  const Posting zero(0, 0, false);
  EXPECT_EQ(zero.slot(), 0u);
  EXPECT_EQ(zero.ordinal(), 0u);
  EXPECT_FALSE(zero.check());
}

TEST(PostingsTest, OneIsKeptInTheWordItself) {
  Postings postings;
  EXPECT_TRUE(postings.empty());
  EXPECT_EQ(postings.Add(Posting(0, 0, false)), 0u);
  EXPECT_FALSE(postings.empty());
  EXPECT_EQ(postings.memory_bytes(), 0u);
  EXPECT_THAT(Slots(postings), ElementsAre(0));
  EXPECT_EQ(postings.RemoveAt(0), std::nullopt);
  EXPECT_TRUE(postings.empty());
}

TEST(PostingsTest, TheLastTakesThePlaceOfTheRemoved) {
  Postings postings;
  for (uint32_t slot = 0; slot < 4; ++slot) EXPECT_EQ(postings.Add(Posting(slot, 7, false)), slot);
  const std::optional<Posting> moved = postings.RemoveAt(1);
  ASSERT_TRUE(moved.has_value());
  EXPECT_EQ(moved->slot(), 3u);
  EXPECT_EQ(moved->ordinal(), 7u);
  EXPECT_THAT(Slots(postings), ElementsAre(0, 3, 2));
  EXPECT_EQ(postings.RemoveAt(2), std::nullopt);
  EXPECT_EQ(postings.RemoveAt(0)->slot(), 3u);
  EXPECT_THAT(Slots(postings), ElementsAre(3));
  EXPECT_EQ(postings.memory_bytes(), 0u);
}

TEST(PostingsTest, CanBeMoved) {
  Postings many;
  many.Add(Posting(1, 0, false));
  many.Add(Posting(2, 0, false));
  Postings other(std::move(many));
  EXPECT_THAT(Slots(other), ElementsAre(1, 2));
  Postings third;
  third.Add(Posting(9, 0, false));
  third = std::move(other);
  EXPECT_THAT(Slots(third), ElementsAre(1, 2));
}

TEST(PostingsTest, GivesMemoryBack) {
  Postings postings;
  for (uint32_t slot = 0; slot < 10'000; ++slot) postings.Add(Posting(slot, 0, false));
  const size_t full = postings.memory_bytes();
  for (uint32_t i = 10'000; i > 100; --i) postings.RemoveAt(i - 1);
  EXPECT_LT(postings.memory_bytes(), full / 20);
  EXPECT_EQ(Slots(postings).size(), 100u);
}

}  // namespace
}  // namespace carillon::match
