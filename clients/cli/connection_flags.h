// Where the broker is and who is calling: the options that all commands share.
#ifndef CARILLON_CLIENTS_CLI_CONNECTION_FLAGS_H_
#define CARILLON_CLIENTS_CLI_CONNECTION_FLAGS_H_

#include <string>
#include <vector>

#include "carillon/client/connection.h"
#include "deploy/program/options.h"

namespace CLI {
class App;
}

namespace carillon::cli {

// Strongest first: flags, the file named by --config, CARILLON_* variables,
// ~/.config/carillon.toml. Credentials are taken from the strongest of these that has any.
class ConnectionFlags {
 public:
  // Adds the options to `app`, which must outlive it.
  explicit ConnectionFlags(CLI::App* app);
  ConnectionFlags(const ConnectionFlags&) = delete;
  ConnectionFlags& operator=(const ConnectionFlags&) = delete;

  // After `app` has parsed. Returns the errors, one line each; if there are none, options() holds
  // what is in force.
  std::vector<std::string> Resolve(program::Environment environment);

  const client::ConnectionOptions& options() const { return options_; }

 private:
  CLI::App* const app_;
  client::ConnectionOptions options_;
  program::OptionSet option_set_;
  std::string config_file_;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_CONNECTION_FLAGS_H_
