// The command line of Carillon.

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "clients/cli/command.h"
#include "clients/cli/connection_flags.h"
#include "deploy/program/arguments.h"
#include "deploy/program/grpc_threads.h"
#include "deploy/program/suggest.h"
#include "deploy/program/version.h"

namespace carillon::cli {
namespace {

constexpr absl::string_view kEnvironmentHelp =
    "Each connection option can also be set by an environment variable (CARILLON_BROKER, "
    "CARILLON_USER,\nCARILLON_TOKEN, CARILLON_CA, …) or in ~/.config/carillon.toml (broker = "
    "\"HOST:PORT\"). Strongest first: flags,\n--config, environment, ~/.config/carillon.toml.\n\n";

void Describe(CLI::App* app) {
  app->name("carillon");
  app->set_version_flag("--version",
                        absl::StrCat("carillon ", absl::string_view(program::Version())));
  app->require_subcommand(1);
  // Connection options may stand behind the subcommand too.
  app->fallthrough();
  app->footer(absl::StrCat(kEnvironmentHelp, ExitCodeHelp()));
}

ExitCode RunCommand(const Command& command, ConnectionFlags* flags) {
  const std::vector<std::string> errors = flags->Resolve(program::ProcessEnvironment());
  for (const std::string& error : errors) PrintMessage(error);
  if (!errors.empty()) return ExitCode::kUsage;
  // Before the connection, whose threads are to have the signals blocked.
  Interrupt interrupt;
  Context context;
  context.options = flags->options();
  context.interrupt = &interrupt;
  absl::StatusOr<std::shared_ptr<client::Connection>> connection =
      client::Connection::Open(context.options);
  if (!connection.ok()) return UsageError(connection.status());
  context.connection = *std::move(connection);
  return command(context);
}

std::vector<std::string> SubcommandNames(CLI::App* app) {
  std::vector<std::string> names;
  for (const CLI::App* subcommand : app->get_subcommands({}))
    names.push_back(subcommand->get_name());
  return names;
}

std::vector<std::string> OptionNames(CLI::App* app) {
  std::vector<std::string> names;
  for (; app != nullptr; app = app->get_parent()) {
    for (const CLI::Option* option : app->get_options()) names.push_back(option->get_name());
  }
  return names;
}

// What is wrong with the arguments, and what would be right.
std::string Explain(CLI::App* root, const CLI::ParseError& error) {
  CLI::App* app = root;
  while (!app->get_subcommands().empty()) app = app->get_subcommands().front();
  const std::vector<std::string> commands = SubcommandNames(app);
  for (const std::string& argument : root->remaining(true)) {
    const bool is_option = absl::StartsWith(argument, "-");
    if (!is_option && commands.empty()) continue;
    // What stands behind '=' may be a secret.
    const std::string word = is_option ? argument.substr(0, argument.find('=')) : argument;
    const std::string closest = program::ClosestWord(word, is_option ? OptionNames(app) : commands);
    if (!closest.empty()) {
      return absl::StrCat(word, ": no such ", is_option ? "option" : "command", ": did you mean ",
                          closest, "?");
    }
    if (is_option) return absl::StrCat(word, ": no such option");
    return absl::StrCat(word, ": no such command: there are ", absl::StrJoin(commands, ", "));
  }
  return error.what();
}

int Main(int argc, char** argv) {
  CLI::App app("Publish and watch events, and look after a Carillon broker.");
  Describe(&app);
  Command command;
  AddPublishCommand(&app, &command);
  AddWatchCommand(&app, &command);
  AddUsersCommand(&app, &command);
  AddRolesCommand(&app, &command);
  AddStatusCommand(&app, &command);
  AddBenchCommand(&app, &command);
  ConnectionFlags flags(&app);
  // What `bench publish` needs; the rest would do with one.
  program::SetGrpcThreads(2);
  try {
    std::vector<std::string> arguments = program::SeparateEmptyValues({argv + 1, argv + argc}, app);
    std::reverse(arguments.begin(), arguments.end());  // as CLI11 wants them
    app.parse(std::move(arguments));
  } catch (const CLI::Success& wish) {
    return app.exit(wish);
  } catch (const CLI::ParseError& error) {
    return static_cast<int>(UsageError(absl::InvalidArgumentError(Explain(&app, error))));
  }
  return static_cast<int>(RunCommand(command, &flags));
}

}  // namespace
}  // namespace carillon::cli

int main(int argc, char** argv) { return carillon::cli::Main(argc, argv); }
