// "Did you mean …?"
#ifndef CARILLON_PROGRAM_SUGGEST_H_
#define CARILLON_PROGRAM_SUGGEST_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace carillon::program {

// The candidate that a slip of the fingers could have turned into `word`; "" if there is none.
std::string ClosestWord(absl::string_view word, const std::vector<std::string>& candidates);

// How many letters to insert, remove, replace or swap with their neighbour to make `a` into `b`.
int EditDistance(absl::string_view a, absl::string_view b);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_SUGGEST_H_
