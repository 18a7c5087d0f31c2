#include "deploy/program/arguments.h"

#include "absl/strings/strip.h"

namespace carillon::program {

std::vector<std::string> SeparateEmptyValues(
    const std::vector<std::string>& arguments,
    absl::FunctionRef<bool(absl::string_view option)> takes_value) {
  std::vector<std::string> separate;
  bool value_follows = false;
  for (const std::string& argument : arguments) {
    absl::string_view option = argument;
    if (!value_follows && absl::ConsumeSuffix(&option, "=") && takes_value(option)) {
      separate.emplace_back(option);
      separate.emplace_back();
      continue;
    }
    separate.push_back(argument);
    value_follows = !value_follows && takes_value(argument);
  }
  return separate;
}

}  // namespace carillon::program
