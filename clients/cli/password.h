// Passwords, which do not belong on a command line that others can read.
#ifndef CARILLON_CLIENTS_CLI_PASSWORD_H_
#define CARILLON_CLIENTS_CLI_PASSWORD_H_

#include <string>

#include "absl/status/statusor.h"
#include "clients/cli/interrupt.h"

namespace carillon::cli {

// From `file` ("-": stdin) if it is not empty; otherwise, at a terminal, asked for twice without
// showing it; otherwise the first line of stdin. INVALID_ARGUMENT if there is none, or if
// `interrupt` happens first.
absl::StatusOr<std::string> ReadNewPassword(const std::string& file, const std::string& user,
                                            const Interrupt& interrupt);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_PASSWORD_H_
