// Numbers as JSON writes them.
#ifndef CARILLON_BROKER_JSON_NUMBER_H_
#define CARILLON_BROKER_JSON_NUMBER_H_

#include <cstdint>

#include "absl/strings/string_view.h"

namespace carillon::json {

// Negative, 0 or positive as the JSON number `number` is less than, equal to or greater than
// `value`; exact, whatever its size. It must be a number by RFC 8259. Linear time, no allocation.
int CompareNumber(absl::string_view number, int64_t value);

// The double nearest to a JSON number: an infinity if it is too large for one, a zero if too small.
double NearestDouble(absl::string_view number);

}  // namespace carillon::json

#endif  // CARILLON_BROKER_JSON_NUMBER_H_
