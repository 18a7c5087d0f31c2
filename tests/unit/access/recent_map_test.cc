#include "broker/access/recent_map.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>

namespace carillon::access {
namespace {

const absl::Time kNow = absl::FromUnixSeconds(1'000);
const absl::Time kLater = kNow + absl::Minutes(5);

TEST(RecentMap, RemembersUntilTheEntryExpires) {
  RecentMap<int> map(4);
  map.Put("a", 1, kLater);
  EXPECT_EQ(map.Get("a", kNow), 1);
  EXPECT_EQ(map.Get("a", kLater - absl::Nanoseconds(1)), 1);
  EXPECT_EQ(map.Get("a", kLater), std::nullopt);
  EXPECT_EQ(map.Get("a", kNow), std::nullopt);
}

TEST(RecentMap, ForgetsTheOldestBeyondTwiceItsSize) {
  RecentMap<int> map(4);
  for (int i = 0; i < 12; ++i) map.Put(std::to_string(i), i, kLater);
  EXPECT_EQ(map.Get("0", kNow), std::nullopt);
  EXPECT_EQ(map.Get("3", kNow), std::nullopt);
  EXPECT_EQ(map.Get("11", kNow), 11);
}

TEST(RecentMap, KeepsWhatIsLookedUp) {
  RecentMap<int> map(4);
  map.Put("kept", -1, kLater);
  for (int i = 0; i < 100; ++i) {
    map.Put(std::to_string(i), i, kLater);
    ASSERT_EQ(map.Get("kept", kNow), -1) << i;
  }
}

TEST(RecentMap, ANewValueReplacesTheOld) {
  RecentMap<int> map(1);
  map.Put("a", 1, kLater);
  map.Put("b", 2, kLater);
  map.Put("a", 3, kLater);
  EXPECT_EQ(map.Get("a", kNow), 3);
}

}  // namespace
}  // namespace carillon::access
