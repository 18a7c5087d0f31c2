#include "broker/access/stream_places.h"

#include <gtest/gtest.h>

namespace carillon::access {
namespace {

// How many places the principal gets.
int TakeAll(StreamPlaces* places, const std::string& principal) {
  int taken = 0;
  while (places->Take(principal)) ++taken;
  return taken;
}

TEST(StreamPlacesTest, TheLastQuarterIsForThoseWhoHaveLess) {
  StreamPlaces places(100);
  EXPECT_EQ(TakeAll(&places, "greedy"), 75);
  EXPECT_EQ(TakeAll(&places, "modest"), 25);
  EXPECT_EQ(TakeAll(&places, "late"), 0);
  places.Leave("greedy");
  EXPECT_EQ(TakeAll(&places, "greedy"), 0);
  EXPECT_EQ(TakeAll(&places, "modest"), 0);
  EXPECT_EQ(TakeAll(&places, "late"), 1);
}

TEST(StreamPlacesTest, AFewPlacesAreForAnybody) {
  StreamPlaces places(3);
  EXPECT_EQ(TakeAll(&places, "one"), 3);
  places.Leave("one");
  EXPECT_EQ(TakeAll(&places, "other"), 1);
}

}  // namespace
}  // namespace carillon::access
