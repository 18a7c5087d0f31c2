#include "deploy/program/units.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

namespace carillon::program {
namespace {

using testing::HasSubstr;

TEST(ByteSizeTest, TakesPlainBinaryAndDecimalUnits) {
  const std::pair<const char*, uint64_t> cases[] = {
      {"0", 0},
      {"4096", 4096},
      {"12B", 12},
      {"64KiB", 65536},
      {"1MiB", 1 << 20},
      {"3 GiB", 3ull << 30},
      {"2TiB", 2ull << 40},
      {"5kB", 5000},
      {"7MB", 7'000'000},
      {"1 GB", 1'000'000'000},
      {"2TB", 2'000'000'000'000},
      {"18446744073709551615", std::numeric_limits<uint64_t>::max()},
  };
  for (const auto& [text, bytes] : cases) {
    const absl::StatusOr<uint64_t> parsed = ParseByteSize(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, bytes) << text;
  }
}

TEST(ByteSizeTest, RefusesEverythingElse) {
  for (const char* text : {"", " ", "KiB", "-1", "+1", "1.5MiB", "1kib", "1 ", "1  KiB", " 1", "1M",
                           "0x10", "18446744073709551616", "16777216TiB", "64KiB64"}) {
    const absl::Status status = ParseByteSize(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("such as 4096, 64KiB or 1MiB"));
  }
}

TEST(ByteSizeTest, IsWrittenWithTheLargestUnitThatDividesIt) {
  EXPECT_EQ(ByteSizeText(0), "0");
  EXPECT_EQ(ByteSizeText(1000), "1000");
  EXPECT_EQ(ByteSizeText(65536), "64KiB");
  EXPECT_EQ(ByteSizeText((1 << 20) + 1024), "1025KiB");
  EXPECT_EQ(ByteSizeText(uint64_t{1} << 40), "1TiB");
}

TEST(DurationTest, TakesNumbersWithUnits) {
  const std::pair<const char*, absl::Duration> cases[] = {
      {"0", absl::ZeroDuration()},        {"5s", absl::Seconds(5)},
      {"100ms", absl::Milliseconds(100)}, {"250us", absl::Microseconds(250)},
      {"10m", absl::Minutes(10)},         {"1.5h", absl::Minutes(90)},
      {"1h30m", absl::Minutes(90)},       {"7d", absl::Hours(168)},
      {"1d12h", absl::Hours(36)},         {"0.5d", absl::Hours(12)},
  };
  for (const auto& [text, duration] : cases) {
    const absl::StatusOr<absl::Duration> parsed = ParseDuration(text);
    ASSERT_TRUE(parsed.ok()) << parsed.status();
    EXPECT_EQ(*parsed, duration) << text;
  }
}

TEST(DurationTest, RefusesEverythingElse) {
  for (const char* text : {"", "5", "s", "-5s", "+5s", "inf", "5 s", "5 seconds", "d", "1d1d",
                           "1e9999d", "5x", "1h-30m", "nan"}) {
    const absl::Status status = ParseDuration(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()), HasSubstr("with a unit"));
  }
}

TEST(DurationTest, ReadsItsOwnText) {
  for (const absl::Duration duration : {absl::ZeroDuration(), absl::Milliseconds(100),
                                        absl::Seconds(90), absl::Hours(24 * 7), absl::Hours(25)}) {
    EXPECT_EQ(*ParseDuration(DurationText(duration)), duration);
  }
  EXPECT_EQ(DurationText(absl::Hours(24 * 7)), "7d");
}

}  // namespace
}  // namespace carillon::program
