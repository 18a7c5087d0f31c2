#include "clients/cli/exit_code.h"

#include <unistd.h>

#include <cerrno>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "carillon/wire/error.h"
#include "clients/cli/output.h"

namespace carillon::cli {
namespace {

bool Mentions(const absl::Status& error, absl::string_view lower_case_text) {
  return absl::StrContains(absl::AsciiStrToLower(error.message()), lower_case_text);
}

std::string UnreachableHint(const absl::Status& error) {
  if (Mentions(error, "certificate verify failed") ||
      Mentions(error, "certificate_verify_failed")) {
    return "its certificate is not trusted: pass --ca FILE with the authority that signed it "
           "(CARILLON_CA)";
  }
  if (Mentions(error, "wrong version number") || Mentions(error, "wrong_version_number")) {
    return "it does not speak TLS on this port: check the port, or pass --plaintext for a broker "
           "started without TLS";
  }
  if (Mentions(error, "peer name") || Mentions(error, "hostname verification")) {
    return "its certificate is for another name: use the name it was issued for in --broker";
  }
  return "is it running, and is this its address? --broker HOST:PORT (CARILLON_BROKER) says where "
         "to look; --plaintext is for a broker without TLS";
}

std::string PositionHint(const absl::Status& error) {
  const auto info = wire::ErrorInfoOf(error);
  if (info.has_value()) {
    const auto earliest = info->metadata().find("earliest");
    if (earliest != info->metadata().end()) {
      return absl::StrCat("continue with --after ", earliest->second,
                          ", or with --from-start; the events before it are gone");
    }
  }
  return "use a position that this broker gave, --from-start, or none of them to begin now";
}

bool IsPositionError(const absl::Status& error) {
  if (error.code() == absl::StatusCode::kOutOfRange) return true;
  const auto info = wire::ErrorInfoOf(error);
  return info.has_value() && absl::StartsWith(info->reason(), "POSITION_");
}

std::string Hint(const absl::Status& error) {
  if (IsPositionError(error)) return PositionHint(error);
  switch (error.code()) {
    case absl::StatusCode::kUnauthenticated:
      return "check --user NAME:PASSWORD or --token (CARILLON_USER, CARILLON_TOKEN); a token may "
             "have expired or been revoked";
    case absl::StatusCode::kPermissionDenied:
      return "ask an administrator for a role with that claim: carillon roles put …, "
             "carillon users set-roles …";
    case absl::StatusCode::kResourceExhausted:
      return wire::ErrorInfoOf(error).has_value()
                 ? "the broker is at one of its limits: try again in a moment"
                 : "a request is larger than the broker takes: see its --request-bytes-max";
    case absl::StatusCode::kDeadlineExceeded:
      return "the broker took too long to answer: try again, or look at carillon status";
    default:
      return "";
  }
}

}  // namespace

absl::string_view ExitCodeHelp() {
  return "Exit codes:\n"
         "  0    done\n"
         "  1    some events were refused, the broker turned the operation down, or stdout cannot "
         "be written\n"
         "  2    the command line or the configuration is wrong\n"
         "  3    the broker cannot be reached, or its certificate is not trusted\n"
         "  4    not authenticated or not allowed\n"
         "  5    the position asked for is not in the log\n"
         "  130  interrupted before the work was done\n";
}

ExitCode ExitCodeFor(const absl::Status& error) {
  if (error.ok()) return ExitCode::kOk;
  if (IsPositionError(error)) return ExitCode::kPosition;
  switch (error.code()) {
    case absl::StatusCode::kUnavailable:
      return ExitCode::kUnreachable;
    case absl::StatusCode::kUnauthenticated:
    case absl::StatusCode::kPermissionDenied:
      return ExitCode::kDenied;
    default:
      return ExitCode::kFailed;
  }
}

std::string Explain(const absl::Status& error, absl::string_view broker) {
  if (error.code() == absl::StatusCode::kUnavailable) {
    return absl::StrCat("cannot reach the broker at ", broker, ": ", error.message(), "\n  ",
                        UnreachableHint(error));
  }
  const std::string hint = Hint(error);
  return absl::StrCat(error.message(), hint.empty() ? "" : "\n  ", hint);
}

void PrintMessage(absl::string_view text) {
  WriteAll(STDERR_FILENO, absl::StrCat("carillon: ", text, "\n"));
}

ExitCode StdoutFailed() {
  if (errno == EPIPE) return ExitCode::kOk;
  PrintMessage(absl::ErrnoToStatus(errno, "cannot write to stdout").message());
  return ExitCode::kFailed;
}

ExitCode PrintResult(absl::string_view text) {
  return WriteAll(STDOUT_FILENO, text) ? ExitCode::kOk : StdoutFailed();
}

ExitCode Fail(const absl::Status& error, absl::string_view broker) {
  PrintMessage(Explain(error, broker));
  return ExitCodeFor(error);
}

ExitCode UsageError(const absl::Status& error) {
  PrintMessage(absl::StrCat(error.message(), "\n  --help tells how it is used"));
  return ExitCode::kUsage;
}

}  // namespace carillon::cli
