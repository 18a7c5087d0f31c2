// The command line, which CLI11 parses.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "deploy/program/arguments.h"
#include "deploy/program/options.h"
#include "deploy/program/version.h"

namespace carillon::program {
namespace {

using Texts = std::vector<std::string>;

CLI::Option* AddOneValue(CLI::App* app, const std::string& flag, const std::string& help) {
  return app->add_option(flag, help)
      ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll)
      ->allow_extra_args(false);
}

// CLI11 gives up at the first value that is missing: a flag at the very end that lacks its value is
// taken away here.
Texts PrepareArguments(const Texts& arguments, const CLI::App& app, Texts* errors) {
  Texts prepared = SeparateEmptyValues(arguments, app);
  bool value_follows = false;
  for (const std::string& argument : prepared) {
    value_follows = !value_follows && TakesValue(app, argument);
  }
  if (value_follows) {
    errors->push_back(absl::StrCat(prepared.back(), ": needs a value"));
    prepared.pop_back();
  }
  return prepared;
}

}  // namespace

void OptionSet::AddTo(CLI::App* app) {
  DeclareOn(app);
  app_ = app;
}

void OptionSet::DeclareOn(CLI::App* app) const {
  for (const auto& option : options_) {
    const std::string flag = absl::StrCat("--", option->name);
    const std::string help = absl::StrCat(option->help, " [", VariableOf(*option), "]");
    CLI::Option* const added =
        option->is_flag ? app->add_flag(flag, help) : AddOneValue(app, flag, help);
    added->group(option->group.empty() ? "Options" : option->group);
    if (!option->is_flag) added->type_name(option->placeholder);
  }
}

void OptionSet::TakeFlagsOf(const CLI::App& app, Layers* layers) const {
  for (const auto& option : options_) {
    const CLI::Option* const parsed = app.get_option_no_throw(absl::StrCat("--", option->name));
    if (parsed == nullptr) continue;
    for (const std::string& value : parsed->results()) {
      layers->flags.emplace_back(option->name, value);
    }
  }
}

void OptionSet::ReportUnknownArguments(const Texts& unknown, Texts* errors) const {
  bool may_be_value = false;
  for (const std::string& argument : unknown) {
    if (argument == "--") continue;
    if (absl::StartsWith(argument, "-") && argument.size() > 1) {
      // What stands behind '=' may be a secret.
      const std::string flag = argument.substr(0, argument.find('='));
      const std::string name = flag.substr(std::min(flag.find_first_not_of('-'), flag.size()));
      errors->push_back(absl::StrCat(flag, ": no such option", Suggestion(name, "--")));
      may_be_value = flag == argument;
    } else if (may_be_value) {
      may_be_value = false;
    } else {
      errors->push_back(absl::StrCat("\"", argument, "\": not expected here"));
    }
  }
}

LoadResult OptionSet::Load(const Texts& arguments, const Environment& environment) {
  LoadResult result;
  CLI::App app(program_.summary, program_.name);
  app.allow_extras();
  app.set_help_flag();
  DeclareOn(&app);
  const CLI::Option* const config = AddOneValue(&app, "--config", "");
  const CLI::Option* const check = app.add_flag("--check");
  const CLI::Option* const help = app.add_flag("-h,--help");
  const CLI::Option* const version = app.add_flag("--version");

  Texts prepared = PrepareArguments(arguments, app, &result.errors);
  std::reverse(prepared.begin(), prepared.end());  // as CLI11 wants them
  try {
    app.parse(prepared);
  } catch (const CLI::ParseError& error) {
    result.errors.emplace_back(error.what());
  }
  if (help->count() > 0) return {{}, Help()};
  if (version->count() > 0) return {{}, VersionText()};

  ReportUnknownArguments(app.remaining(), &result.errors);
  Layers layers;
  if (config->count() > 0) layers.config_file = config->results().back();
  layers.environment = environment;
  TakeFlagsOf(app, &layers);
  for (std::string& error : ResolveLayers(layers)) result.errors.push_back(std::move(error));
  if (check->count() > 0 && result.errors.empty()) {
    result.print = absl::StrCat("the configuration is valid\n", absl::StrJoin(Dump(), "\n"), "\n");
  }
  return result;
}

}  // namespace carillon::program
