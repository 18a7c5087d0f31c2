// Sizes and durations as people write them.
#ifndef CARILLON_PROGRAM_UNITS_H_
#define CARILLON_PROGRAM_UNITS_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace carillon::program {

// Bytes: a whole number with no unit, "B", "KiB", "MiB", "GiB" or "TiB" (powers of 1024), or "kB",
// "MB", "GB", "TB" (powers of 1000); a space may stand before the unit.
absl::StatusOr<uint64_t> ParseByteSize(absl::string_view text);
// With the largest binary unit that divides it: "64KiB", "1000".
std::string ByteSizeText(uint64_t bytes);

// Numbers with the units "ns", "us", "ms", "s", "m", "h" and "d" (24 h), such as "5s", "1.5h" or
// "1h30m"; "0" needs none. Never negative or infinite.
absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text);
std::string DurationText(absl::Duration duration);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_UNITS_H_
