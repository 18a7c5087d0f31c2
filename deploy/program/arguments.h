// What CLI11 makes of "--name=".
#ifndef CARILLON_PROGRAM_ARGUMENTS_H_
#define CARILLON_PROGRAM_ARGUMENTS_H_

#include <string>
#include <vector>

#include "absl/functional/function_ref.h"
#include "absl/strings/string_view.h"

namespace carillon::program {

// CLI11 takes "--name=" for "--name" with the value in the next argument, whatever that is. So an
// empty value becomes an argument of its own here. `takes_value` tells which options, with their
// dashes, have one.
std::vector<std::string> SeparateEmptyValues(
    const std::vector<std::string>& arguments,
    absl::FunctionRef<bool(absl::string_view option)> takes_value);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_ARGUMENTS_H_
