#include "broker/json/number.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>
#include <string>

namespace carillon::json {
namespace {

constexpr int64_t kMin = std::numeric_limits<int64_t>::min();
constexpr int64_t kMax = std::numeric_limits<int64_t>::max();

struct Comparison {
  const char* number;
  int64_t value;
  int expected;
};

class CompareNumberTest : public ::testing::TestWithParam<Comparison> {};

TEST_P(CompareNumberTest, IsByValue) {
  const auto [number, value, expected] = GetParam();
  const int order = CompareNumber(number, value);
  EXPECT_EQ((order > 0) - (order < 0), expected) << number << " and " << value;
}

INSTANTIATE_TEST_SUITE_P(WaysToWriteOne, CompareNumberTest,
                         ::testing::Values(Comparison{"1", 1, 0}, Comparison{"1.0", 1, 0},
                                           Comparison{"1e0", 1, 0}, Comparison{"10e-1", 1, 0},
                                           Comparison{"0.1e1", 1, 0}, Comparison{"0.001E+3", 1, 0},
                                           Comparison{"1000.00e-3", 1, 0},
                                           Comparison{"1.0000000000000000000001", 1, 1},
                                           Comparison{"0.9999999999999999999999", 1, -1}));
INSTANTIATE_TEST_SUITE_P(Zero, CompareNumberTest,
                         ::testing::Values(Comparison{"0", 0, 0}, Comparison{"-0", 0, 0},
                                           Comparison{"-0.00e99", 0, 0}, Comparison{"1e-400", 0, 1},
                                           Comparison{"-1e-400", 0, -1}, Comparison{"0", 1, -1},
                                           Comparison{"0", -1, 1}, Comparison{"-0", 1, -1}));
INSTANTIATE_TEST_SUITE_P(Large, CompareNumberTest,
                         ::testing::Values(Comparison{"9007199254740993", 9007199254740993, 0},
                                           Comparison{"9007199254740992", 9007199254740993, -1},
                                           Comparison{"9223372036854775807", kMax, 0},
                                           Comparison{"9223372036854775808", kMax, 1},
                                           Comparison{"9223372036854775807.5", kMax, 1},
                                           Comparison{"-9223372036854775808", kMin, 0},
                                           Comparison{"-9223372036854775809", kMin, -1},
                                           Comparison{"-9223372036854775807.9", kMin, 1},
                                           Comparison{"9.223372036854775807e18", kMax, 0},
                                           Comparison{"123456789012345678901234567890", kMax, 1},
                                           Comparison{"1e400", kMax, 1},
                                           Comparison{"-1e400", kMin, -1},
                                           Comparison{"1e99999999999999999999999", kMax, 1},
                                           Comparison{"1e-99999999999999999999999", 0, 1}));
INSTANTIATE_TEST_SUITE_P(Signs, CompareNumberTest,
                         ::testing::Values(Comparison{"-2", -1, -1}, Comparison{"-1", -2, 1},
                                           Comparison{"-10", -9, -1}, Comparison{"-1", 1, -1},
                                           Comparison{"1", -1, 1}, Comparison{"10", 9, 1},
                                           Comparison{"99", 100, -1}));

TEST(CompareNumberTest, AgreesWithIntegersInAnyNotation) {
  std::mt19937_64 random(1);
  for (int i = 0; i < 100'000; ++i) {
    const int64_t a = static_cast<int64_t>(random()) >> (random() % 64);
    const int64_t b = random() % 3 == 0 ? a : static_cast<int64_t>(random()) >> (random() % 64);
    std::string number = std::to_string(a);
    // Move the point to the left and make up for it by the exponent.
    const size_t digits = number.size() - (a < 0 ? 1 : 0);
    const size_t moved = random() % digits;
    if (moved > 0) {
      number.insert(number.size() - moved, ".");
      number += "e" + std::to_string(moved);
    }
    const int order = CompareNumber(number, b);
    ASSERT_EQ((order > 0) - (order < 0), (a > b) - (a < b)) << number << " and " << b;
  }
}

TEST(NearestDoubleTest, RoundsAndOverflowsAsIeee754Does) {
  EXPECT_EQ(NearestDouble("0.1"), 0.1);
  EXPECT_EQ(NearestDouble("9007199254740993"), 9007199254740992.0);
  EXPECT_EQ(NearestDouble("1e400"), std::numeric_limits<double>::infinity());
  EXPECT_EQ(NearestDouble("-1e400"), -std::numeric_limits<double>::infinity());
  EXPECT_EQ(NearestDouble("1e-400"), 0.0);
  EXPECT_TRUE(std::signbit(NearestDouble("-0")));
}

}  // namespace
}  // namespace carillon::json
