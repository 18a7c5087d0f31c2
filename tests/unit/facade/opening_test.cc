#include "wsfacade/net/opening.h"

#include <gtest/gtest.h>

#include <vector>

namespace carillon::facade {
namespace {

class OpeningTest : public ::testing::Test {
 protected:
  void Open(int connections) {
    for (int i = 0; i < connections; ++i) openings_.emplace_back(&count_);
  }
  void EndOne() { openings_.pop_back(); }

  int told_ = 0;
  OpeningCount count_{4, [this] { ++told_; }};
  std::vector<Opening> openings_;
};

TEST_F(OpeningTest, IsFullWhenSoManyAreOpening) {
  Open(3);
  EXPECT_FALSE(count_.is_full());
  Open(1);
  EXPECT_TRUE(count_.is_full());
  EndOne();
  EXPECT_FALSE(count_.is_full());
}

TEST_F(OpeningTest, TellsOnceWhenHalfOfThemHaveOpened) {
  Open(6);
  while (openings_.size() > 3) EndOne();
  EXPECT_EQ(told_, 0);
  EndOne();
  EXPECT_EQ(told_, 1);
  openings_.clear();
  EXPECT_EQ(told_, 1);
}

TEST_F(OpeningTest, EndsOnceHoweverOftenItIsTold) {
  Open(4);
  openings_.back().End();
  openings_.back().End();
  Open(1);
  EXPECT_TRUE(count_.is_full());
}

}  // namespace
}  // namespace carillon::facade
