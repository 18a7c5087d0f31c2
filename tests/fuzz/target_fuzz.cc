// A request's target and the credentials in it. The first line is the Authorization header.
#include <algorithm>

#include "absl/strings/match.h"
#include "tests/fuzz/fuzz.h"
#include "wsfacade/http/credentials.h"
#include "wsfacade/http/target.h"

using carillon::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace carillon::facade;
  const absl::string_view text = carillon::fuzz::TextOf(data, size);
  const size_t line = std::min(text.find('\n'), text.size());
  const absl::string_view header = text.substr(0, line);
  const auto target = ParseTarget(text.substr(std::min(line + 1, text.size())));
  if (!target.ok()) return 0;
  Require(!target->segments.empty(), "a path has a segment");
  const std::string authorization = AuthorizationOf(header, *target);
  if (authorization.empty()) return 0;
  Require(authorization.size() <= kAuthorizationBytesMax, "credentials keep to the limit");
  Require(absl::StartsWithIgnoreCase(authorization, "Basic ") ||
              absl::StartsWithIgnoreCase(authorization, "Bearer "),
          "credentials name their scheme");
  Require(std::all_of(authorization.begin(), authorization.end(),
                      [](char c) { return c >= 0x20 && c <= 0x7e; }),
          "credentials are printable");
  return 0;
}
