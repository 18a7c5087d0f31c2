// How the command line ends, and what it says when something went wrong.
#ifndef CARILLON_CLIENTS_CLI_EXIT_CODE_H_
#define CARILLON_CLIENTS_CLI_EXIT_CODE_H_

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace carillon::cli {

// Documented in --help: never renumbered.
enum class ExitCode : int {
  kOk = 0,
  // Some events were refused, the broker turned the operation down, or stdout cannot be written.
  kFailed = 1,
  // The command line or the configuration is wrong.
  kUsage = 2,
  // The broker cannot be reached, or its certificate is not trusted.
  kUnreachable = 3,
  // Not authenticated or not allowed.
  kDenied = 4,
  // The position asked for is no longer, or was never, in the log.
  kPosition = 5,
  // Ended by SIGINT or SIGTERM before the work was done.
  kInterrupted = 130,
};

// The table of exit codes for --help.
absl::string_view ExitCodeHelp();

// The exit code for an error the broker, or the way there, answered with.
ExitCode ExitCodeFor(const absl::Status& error);

// Tells a user what went wrong and, on a second line, what to do next. `broker` is HOST:PORT.
std::string Explain(const absl::Status& error, absl::string_view broker);

// Writes "carillon: " and `text` to stderr, in one piece.
void PrintMessage(absl::string_view text);

// For a WriteAll to stdout that failed as errno says: prints why and returns kFailed, or kOk if
// only nobody reads it any more: whoever has gone has seen enough.
ExitCode StdoutFailed();

// Writes `text`, a command's result, to stdout.
ExitCode PrintResult(absl::string_view text);

// Prints what Explain says and returns what ExitCodeFor does.
ExitCode Fail(const absl::Status& error, absl::string_view broker);

// For a wrong command line: prints the error with a pointer to --help.
ExitCode UsageError(const absl::Status& error);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_EXIT_CODE_H_
