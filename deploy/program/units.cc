#include "deploy/program/units.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace carillon::program {
namespace {

constexpr std::pair<absl::string_view, uint64_t> kByteUnits[] = {
    {"TiB", uint64_t{1} << 40},
    {"GiB", 1 << 30},
    {"MiB", 1 << 20},
    {"KiB", 1 << 10},
    {"TB", 1'000'000'000'000},
    {"GB", 1'000'000'000},
    {"MB", 1'000'000},
    {"kB", 1'000},
    {"B", 1},
    {"", 1},
};
constexpr size_t kBinaryUnits = 4;

constexpr absl::Duration kDay = absl::Hours(24);

}  // namespace

absl::StatusOr<uint64_t> ParseByteSize(absl::string_view text) {
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  absl::string_view unit = text.substr(digits);
  if (digits > 0 && unit.size() > 1) absl::ConsumePrefix(&unit, " ");
  uint64_t number = 0;
  if (digits > 0 && absl::SimpleAtoi(text.substr(0, digits), &number)) {
    for (const auto& [name, factor] : kByteUnits) {
      if (unit != name) continue;
      if (number > std::numeric_limits<uint64_t>::max() / factor) break;
      return number * factor;
    }
  }
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a number of bytes, such as 4096, 64KiB or 1MiB"));
}

std::string ByteSizeText(uint64_t bytes) {
  for (size_t i = 0; i < kBinaryUnits; ++i) {
    const auto& [name, factor] = kByteUnits[i];
    if (bytes >= factor && bytes % factor == 0) return absl::StrCat(bytes / factor, name);
  }
  return absl::StrCat(bytes);
}

absl::StatusOr<absl::Duration> ParseDuration(absl::string_view text) {
  // Only what absl::ParseDuration takes as unsigned numbers and units: no sign, no "inf".
  const bool plain =
      !text.empty() && text.find_first_not_of("0123456789.dhmnsu") == absl::string_view::npos;
  absl::string_view rest = text;
  absl::Duration days = absl::ZeroDuration();
  bool good = plain;
  if (const size_t d = text.find('d'); plain && d != absl::string_view::npos) {
    double count = 0;
    good = absl::SimpleAtod(text.substr(0, d), &count);
    days = count * kDay;
    rest = text.substr(d + 1);
  }
  absl::Duration duration = absl::ZeroDuration();
  if (good && !rest.empty()) good = absl::ParseDuration(rest, &duration);
  duration += days;
  if (!good || duration == absl::InfiniteDuration()) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", text, "\" is not a duration with a unit, such as 100ms, 5s, 10m or 7d"));
  }
  return duration;
}

std::string DurationText(absl::Duration duration) {
  if (duration >= kDay && duration % kDay == absl::ZeroDuration()) {
    return absl::StrCat(duration / kDay, "d");
  }
  return absl::FormatDuration(duration);
}

}  // namespace carillon::program
