#include "wsfacade/http/credentials.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

// What gRPC takes as the value of a metadata entry.
bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= 0x20 && c <= 0x7e; });
}

std::string FromToken(absl::string_view token) {
  if (token.empty()) return "";
  if (!absl::StrContains(token, ':')) return absl::StrCat("Bearer ", token);
  return absl::StrCat("Basic ", absl::Base64Escape(token));
}

}  // namespace

std::string AuthorizationOf(absl::string_view header, const Target& target) {
  header = absl::StripAsciiWhitespace(header);
  std::string authorization;
  if (!header.empty()) {
    if (absl::StartsWithIgnoreCase(header, "bearer ") ||
        absl::StartsWithIgnoreCase(header, "basic ")) {
      authorization = std::string(header);
    }
  } else if (std::optional<absl::string_view> token = target.Parameter("token")) {
    authorization = FromToken(*token);
  }
  if (authorization.size() > kAuthorizationBytesMax || !IsPrintableAscii(authorization)) return "";
  return authorization;
}

}  // namespace carillon::facade
