// The JSON library counts exponents in an int and refuses longer ones; JSON does not limit them.
#ifndef CARILLON_BROKER_JSON_EXPONENTS_H_
#define CARILLON_BROKER_JSON_EXPONENTS_H_

#include <string>

#include "absl/strings/string_view.h"

namespace carillon::json {

// `text` with the exponent of each number cut to its first 8 significant digits. It is JSON exactly
// if `text` is, and a number that changes was and stays beyond what a double can hold, on the same
// side, unless it has more than ten million digits. Linear time.
std::string CutExponents(absl::string_view text);

}  // namespace carillon::json

#endif  // CARILLON_BROKER_JSON_EXPONENTS_H_
