#include "clients/cli/connection_flags.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace carillon::cli {
namespace {

constexpr std::array<const char*, 3> kCredentials = {"user", "token", "token-file"};

void Declare(client::ConnectionOptions* options, program::OptionSet* set) {
  set->Group("Connection");
  set->AddString("broker", &options->broker, "address of the broker").Placeholder("HOST:PORT");
  set->AddString("user", &options->user, "who is calling, with the password")
      .Secret()
      .AllowEmpty()
      .Placeholder("NAME:PASSWORD");
  set->AddString("token", &options->token, "a token instead of name and password")
      .Secret()
      .AllowEmpty();
  set->AddFile("token-file", &options->token_file, "the file that holds the token");
  set->AddFile("ca", &options->ca_file,
               "PEM file of the authorities that may sign the broker's certificate; without it, "
               "those the system trusts");
  set->AddFile("client-cert", &options->cert_file, "PEM file of a client certificate");
  set->AddFile("client-key", &options->key_file, "PEM file of its key");
  set->AddFlag("plaintext", &options->plaintext, "no TLS; for a broker on this machine");
}

int CredentialCount(const client::ConnectionOptions& options) {
  return int{!options.user.empty()} + int{!options.token.empty()} +
         int{!options.token_file.empty()};
}

void TakeCredentials(const client::ConnectionOptions& from, client::ConnectionOptions* to) {
  to->user = from.user;
  to->token = from.token;
  to->token_file = from.token_file;
}

std::string HomeConfigFile(const program::Environment& environment) {
  const auto config_home = environment.find("XDG_CONFIG_HOME");
  if (config_home != environment.end() && !config_home->second.empty()) {
    return absl::StrCat(config_home->second, "/carillon.toml");
  }
  const auto home = environment.find("HOME");
  if (home == environment.end() || home->second.empty()) return "";
  return absl::StrCat(home->second, "/.config/carillon.toml");
}

std::string VariableOf(absl::string_view option) {
  return absl::StrCat("CARILLON_",
                      absl::AsciiStrToUpper(absl::StrReplaceAll(option, {{"-", "_"}})));
}

// What one layer alone says. Its errors are told where all are taken together.
client::ConnectionOptions OptionsOf(const program::Layers& layer) {
  client::ConnectionOptions options;
  program::OptionSet set(program::ProgramInfo{"carillon", "", {}});
  Declare(&options, &set);
  set.ResolveLayers(layer);
  return options;
}

}  // namespace

ConnectionFlags::ConnectionFlags(CLI::App* app)
    : app_(app), option_set_(program::ProgramInfo{"carillon", "", {}}) {
  Declare(&options_, &option_set_);
  option_set_.AddTo(app);
  app->add_option("--config", config_file_,
                  "TOML file with these options; without it, ~/.config/carillon.toml if it is "
                  "there (CARILLON_CONFIG)")
      ->type_name("FILE")
      ->group("Connection");
}

std::vector<std::string> ConnectionFlags::Resolve(program::Environment environment) {
  if (config_file_.empty()) config_file_ = environment["CARILLON_CONFIG"];
  environment.erase("CARILLON_CONFIG");

  program::Layers home;
  if (config_file_.empty()) {
    home.config_file = HomeConfigFile(environment);
    home.config_file_optional = true;
  }
  program::Layers file;
  file.config_file = config_file_;

  // Credentials come whole from the strongest layer that has any: those of weaker ones are not even
  // looked at.
  const auto is_given = [this](const char* name) {
    return app_->count(absl::StrCat("--", name)) > 0;
  };
  const bool by_flag = std::any_of(kCredentials.begin(), kCredentials.end(), is_given);
  const client::ConnectionOptions from_file = OptionsOf(file);
  if (by_flag || CredentialCount(from_file) > 0) {
    for (const char* name : kCredentials) environment.erase(VariableOf(name));
  }

  client::ConnectionOptions from_home;
  program::OptionSet home_set(program::ProgramInfo{"carillon", "", {}});
  Declare(&from_home, &home_set);
  std::vector<std::string> errors = home_set.ResolveLayers(home);
  options_ = from_home;
  TakeCredentials({}, &options_);
  program::Layers rest = file;
  rest.environment = std::move(environment);
  std::vector<std::string> more = option_set_.ResolveLayers(rest);
  errors.insert(errors.end(), more.begin(), more.end());

  if (by_flag) {
    if (!is_given("user")) options_.user.clear();
    if (!is_given("token")) options_.token.clear();
    if (!is_given("token-file")) options_.token_file.clear();
  } else if (CredentialCount(options_) == 0) {
    TakeCredentials(from_home, &options_);
  }
  if (CredentialCount(options_) > 1) {
    errors.emplace_back("--user, --token and --token-file: only one of them can be given");
  }
  return errors;
}

}  // namespace carillon::cli
