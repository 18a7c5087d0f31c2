// What CLI11 makes of "--name=".
#ifndef CARILLON_PROGRAM_ARGUMENTS_H_
#define CARILLON_PROGRAM_ARGUMENTS_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace CLI {
class App;
}

namespace carillon::program {

// CLI11 takes "--name=" for "--name" with the value in the next argument, whatever that is. So an
// empty value becomes an argument of its own here.
std::vector<std::string> SeparateEmptyValues(const std::vector<std::string>& arguments,
                                             const CLI::App& app);

// Whether `argument` is an option, with its dashes, of `app` or any of its subcommands that takes a
// value.
bool TakesValue(const CLI::App& app, absl::string_view argument);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_ARGUMENTS_H_
