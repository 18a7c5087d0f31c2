// The target of a request: path and query, decoded. Pure.
#ifndef CARILLON_WSFACADE_HTTP_TARGET_H_
#define CARILLON_WSFACADE_HTTP_TARGET_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::facade {

struct Target {
  // The parts of the path between slashes, percent-decoded: "/api/v3/ws" is "api", "v3", "ws".
  std::vector<std::string> segments;
  // Decoded as HTML forms are sent (percent-encoding, '+' for a space), in order. May hold secrets.
  std::vector<std::pair<std::string, std::string>> query;

  // The first parameter of this name, its letters in any case.
  std::optional<absl::string_view> Parameter(absl::string_view name) const;
};

// Origin form, or absolute form as for proxies. INVALID_ARGUMENT: neither, wrong percent-encoding,
// or not UTF-8 when decoded; the message holds nothing of the target.
absl::StatusOr<Target> ParseTarget(absl::string_view text);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_TARGET_H_
