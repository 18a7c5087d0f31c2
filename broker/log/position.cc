#include "broker/log/position.h"

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace carillon::log {
namespace {

constexpr size_t kBinarySize = 12;
constexpr char kAlphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

std::array<uint8_t, kBinarySize> ToBinary(Position position) {
  std::array<uint8_t, kBinarySize> binary;
  for (size_t i = 0; i < 4; ++i) binary[i] = static_cast<uint8_t>(position.epoch >> (24 - 8 * i));
  for (size_t i = 0; i < 8; ++i) {
    binary[4 + i] = static_cast<uint8_t>(position.sequence >> (56 - 8 * i));
  }
  return binary;
}

Position FromBinary(absl::string_view binary) {
  Position position;
  for (size_t i = 0; i < kBinarySize; ++i) {
    const uint8_t byte = static_cast<uint8_t>(binary[i]);
    if (i < 4) {
      position.epoch = position.epoch << 8 | byte;
    } else {
      position.sequence = position.sequence << 8 | byte;
    }
  }
  return position;
}

}  // namespace

// absl's encoder would allocate, once for each event that is committed.
PositionText EncodePosition(Position position) {
  const auto binary = ToBinary(position);
  PositionText text;
  for (size_t group = 0; group < kBinarySize / 3; ++group) {
    const uint32_t bits =
        binary[3 * group] << 16 | binary[3 * group + 1] << 8 | binary[3 * group + 2];
    for (size_t i = 0; i < 4; ++i) text[4 * group + i] = kAlphabet[bits >> (18 - 6 * i) & 63];
  }
  return text;
}

std::string PositionString(Position position) {
  const PositionText text = EncodePosition(position);
  return std::string(text.data(), text.size());
}

absl::StatusOr<Position> DecodePosition(absl::string_view text) {
  std::string binary;
  if (text.size() != wire::kPositionSize || !absl::WebSafeBase64Unescape(text, &binary) ||
      binary.size() != kBinarySize) {
    return absl::InvalidArgumentError(
        absl::StrCat("not a position: one is ", wire::kPositionSize,
                     " characters of URL-safe base64, as the position of an event"));
  }
  return FromBinary(binary);
}

}  // namespace carillon::log
