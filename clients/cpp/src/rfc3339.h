// Times as RFC 3339 writes them.
#ifndef CARILLON_CLIENTS_CPP_SRC_RFC3339_H_
#define CARILLON_CLIENTS_CPP_SRC_RFC3339_H_

#include <cstddef>

#include "absl/strings/string_view.h"
#include "carillon/wire/event_view.h"

namespace carillon::client {

inline constexpr size_t kRfc3339BytesMax = sizeof("0001-01-01T00:00:00.000000000Z") - 1;

// Writes `time` in UTC to `out`, which has room for kRfc3339BytesMax bytes, and returns its end. Up
// to nine fractional digits, trailing zeros dropped. Times outside the years 0001 to 9999 come out
// as the nearest within.
char* WriteRfc3339(const wire::EventTime& time, char* out);

// Reads a time with any offset; digits beyond nanoseconds are dropped, as Go does. False if `text`
// is not such a time, or not within the years 0001 to 9999 in UTC.
[[nodiscard]] bool ParseRfc3339(absl::string_view text, wire::EventTime* time);

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_RFC3339_H_
