// The text form of a place in the log, as clients see it: 16 characters of URL-safe base64 that
// hold the log's epoch (4 bytes) and a sequence (8 bytes), both big-endian. Clients treat it as
// opaque.
#ifndef CARILLON_BROKER_LOG_POSITION_H_
#define CARILLON_BROKER_LOG_POSITION_H_

#include <array>
#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/wire/event_view.h"

namespace carillon::log {

struct Position {
  uint32_t epoch = 0;
  uint64_t sequence = 0;
};

using PositionText = std::array<char, wire::kPositionSize>;

PositionText EncodePosition(Position position);
std::string PositionString(Position position);

// INVALID_ARGUMENT if `text` is not a position token.
absl::StatusOr<Position> DecodePosition(absl::string_view text);

}  // namespace carillon::log

#endif  // CARILLON_BROKER_LOG_POSITION_H_
