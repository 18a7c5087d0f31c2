#include "clients/cli/password.h"

#include <termios.h>
#include <unistd.h>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "clients/cli/line_reader.h"
#include "clients/cli/output.h"
#include "deploy/program/files.h"

namespace carillon::cli {
namespace {

absl::StatusOr<std::string> ReadLine(int fd, const Interrupt& interrupt) {
  LineReader lines(fd, interrupt.fd());
  absl::string_view line;
  const absl::StatusOr<bool> read = lines.Next(&line);
  if (!read.ok()) return read.status();
  if (line.empty()) {
    return absl::InvalidArgumentError(
        "no password given; type it, or pass --password-file FILE (- for stdin)");
  }
  return std::string(line);
}

absl::StatusOr<std::string> AskTerminal(int terminal, const std::string& prompt,
                                        const Interrupt& interrupt) {
  termios shown = {};
  if (tcgetattr(terminal, &shown) != 0) {
    return absl::InvalidArgumentError("the terminal cannot hide what is typed");
  }
  termios hidden = shown;
  hidden.c_lflag &= ~static_cast<tcflag_t>(ECHO);
  tcsetattr(terminal, TCSAFLUSH, &hidden);
  const absl::Cleanup restore = [&] {
    tcsetattr(terminal, TCSAFLUSH, &shown);
    WriteAll(STDERR_FILENO, "\n");
  };
  WriteAll(STDERR_FILENO, prompt);
  return ReadLine(terminal, interrupt);
}

}  // namespace

absl::StatusOr<std::string> ReadNewPassword(const std::string& file, const std::string& user,
                                            const Interrupt& interrupt) {
  if (!file.empty() && file != "-") return program::ReadSecretFile(file);
  if (file == "-" || isatty(STDIN_FILENO) == 0) return ReadLine(STDIN_FILENO, interrupt);
  absl::StatusOr<std::string> password =
      AskTerminal(STDIN_FILENO, absl::StrCat("Password for ", user, ": "), interrupt);
  if (!password.ok()) return password;
  const absl::StatusOr<std::string> again = AskTerminal(STDIN_FILENO, "Again: ", interrupt);
  if (!again.ok()) return again;
  if (*password != *again) {
    return absl::InvalidArgumentError("the two passwords differ; nothing was changed");
  }
  return password;
}

}  // namespace carillon::cli
