#include "deploy/program/arguments.h"

#include <CLI/CLI.hpp>
#include <algorithm>

#include "absl/strings/match.h"
#include "absl/strings/strip.h"

namespace carillon::program {

bool TakesValue(const CLI::App& app, absl::string_view argument) {
  // Without dashes it might be the name of a positional.
  if (!absl::StartsWith(argument, "--")) return false;
  const CLI::Option* const option = app.get_option_no_throw(std::string(argument));
  if (option != nullptr && option->get_items_expected_min() > 0) return true;
  const std::vector<const CLI::App*> commands = app.get_subcommands({});
  return std::any_of(commands.begin(), commands.end(), [argument](const CLI::App* command) {
    return TakesValue(*command, argument);
  });
}

std::vector<std::string> SeparateEmptyValues(const std::vector<std::string>& arguments,
                                             const CLI::App& app) {
  std::vector<std::string> separate;
  bool value_follows = false;
  for (const std::string& argument : arguments) {
    absl::string_view option = argument;
    if (!value_follows && absl::ConsumeSuffix(&option, "=") && TakesValue(app, option)) {
      separate.emplace_back(option);
      separate.emplace_back();
      continue;
    }
    separate.push_back(argument);
    value_follows = !value_follows && TakesValue(app, argument);
  }
  return separate;
}

}  // namespace carillon::program
