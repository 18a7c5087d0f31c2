#include "tests/unit/match/match_model.h"

#include <gtest/gtest.h>

#include <random>
#include <string>

namespace carillon::match {
namespace {

std::string RandomChoices(uint32_t seed, size_t size) {
  std::mt19937 random(seed);
  std::string choices(size, '\0');
  for (char& c : choices) c = static_cast<char>(random());
  return choices;
}

TEST(MatchModelTest, TheIndexFindsWhatALoopOverAllFiltersFinds) {
  int events_matched = 0;
  int filters_added = 0;
  for (uint32_t seed = 0; seed < 40; ++seed) {
    MatchModel model;
    ASSERT_EQ(model.Run(RandomChoices(seed, 20'000)), "") << "seed " << seed;
    events_matched += model.events_matched();
    filters_added += model.filters_added();
  }
  EXPECT_GT(events_matched, 10'000);
  EXPECT_GT(filters_added, 10'000);
}

TEST(MatchModelTest, AnIndexIsAsGoodAsNewOnceItIsEmpty) {
  MatchModel model;
  for (uint32_t seed = 100; seed < 300; ++seed) {
    ASSERT_EQ(model.Run(RandomChoices(seed, 500)), "") << "seed " << seed;
  }
}

}  // namespace
}  // namespace carillon::match
