#include "broker/log/position.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "absl/strings/escaping.h"

namespace carillon::log {
namespace {

using testing::HasSubstr;

TEST(Position, IsTheUrlSafeBase64OfEpochAndSequenceBothBigEndian) {
  const std::string binary("\x01\x02\x03\x04\xfb\xff\x00\x10\x20\x30\x40\x7f", 12);
  std::string base64;
  absl::WebSafeBase64Escape(binary, &base64);
  EXPECT_EQ(PositionString({0x01020304, 0xfbff00102030407f}), base64);
}

TEST(Position, IsDecodedAsItWasEncoded) {
  for (const Position position :
       {Position{0, 0}, Position{1, 1}, Position{0xffffffff, 42},
        Position{7, std::numeric_limits<uint64_t>::max()}, Position{0x80000000, 1ull << 63}}) {
    const absl::StatusOr<Position> decoded = DecodePosition(PositionString(position));
    ASSERT_TRUE(decoded.ok()) << decoded.status();
    EXPECT_EQ(decoded->epoch, position.epoch);
    EXPECT_EQ(decoded->sequence, position.sequence);
  }
}

TEST(Position, IsAlwaysOfOneLength) {
  EXPECT_EQ(PositionString({1, 1}).size(), wire::kPositionSize);
  EXPECT_EQ(PositionString({1, 1ull << 40}).size(), wire::kPositionSize);
}

TEST(Position, RefusesWhatIsNoPositionAndSaysWhatOneIs) {
  for (const absl::string_view text :
       {"", "AAAAAAAAAAAAAAA", "AAAAAAAAAAAAAAAAA", "AAAAAAAAAAAAAA==", "AAAA AAAAAAAAAAA",
        "AAAAAAA+AAAAAAAA", "AAAAAAA/AAAAAAAA", "AAAAAAAAAAAAAAA\n", "AAAAAAAAAAAAAA\xc3\xa4"}) {
    const absl::StatusOr<Position> decoded = DecodePosition(text);
    EXPECT_EQ(decoded.status().code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(decoded.status().message(), HasSubstr("16 characters of URL-safe base64"));
  }
}

}  // namespace
}  // namespace carillon::log
