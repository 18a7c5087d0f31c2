#include "broker/json/exponents.h"

#include <gtest/gtest.h>

namespace carillon::json {
namespace {

TEST(CutExponentsTest, KeepsTheFirstSignificantDigits) {
  EXPECT_EQ(CutExponents("1e99999999999"), "1e99999999");
  EXPECT_EQ(CutExponents("[1E-123456789012,2e+1234567890]"), "[1E-12345678,2e+12345678]");
}

TEST(CutExponentsTest, DropsLeadingZerosButNotTheLastDigit) {
  EXPECT_EQ(CutExponents("1e000000000000000005"), "1e5");
  EXPECT_EQ(CutExponents("1e-00000000000"), "1e-0");
}

TEST(CutExponentsTest, LeavesStringsAlone) {
  for (const char* text :
       {R"(["e99999999999999"])", R"(["\"e99999999999999"])", R"({"e99999999999999":"\\"})",
        R"("unclosed e99999999999999)", R"("ends in \)"}) {
    EXPECT_EQ(CutExponents(text), text);
  }
}

TEST(CutExponentsTest, LeavesWhatIsNoExponentAlone) {
  for (const char* text : {"", "e", "1e", "1e+", "true", "false", "12345678901234567890"}) {
    EXPECT_EQ(CutExponents(text), text);
  }
}

}  // namespace
}  // namespace carillon::json
