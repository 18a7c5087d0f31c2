#include "wsfacade/http/target.h"

#include <simdjson.h>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_split.h"

namespace carillon::facade {
namespace {

std::optional<int> HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return std::nullopt;
}

// Nothing: a '%' without two hexadecimal digits behind it, or bytes that are not UTF-8.
std::optional<std::string> Decode(absl::string_view text, bool plus_is_space) {
  std::string decoded;
  decoded.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+' && plus_is_space) {
      decoded.push_back(' ');
    } else if (text[i] != '%') {
      decoded.push_back(text[i]);
    } else {
      if (i + 2 >= text.size()) return std::nullopt;
      const std::optional<int> high = HexDigit(text[i + 1]);
      const std::optional<int> low = HexDigit(text[i + 2]);
      if (!high || !low) return std::nullopt;
      decoded.push_back(static_cast<char>(*high * 16 + *low));
      i += 2;
    }
  }
  if (!simdjson::validate_utf8(decoded.data(), decoded.size())) return std::nullopt;
  return decoded;
}

absl::Status BadEncoding() {
  return absl::InvalidArgumentError(
      "the request target is not percent-encoded UTF-8: '%' takes two hexadecimal digits");
}

}  // namespace

std::optional<absl::string_view> Target::Parameter(absl::string_view name) const {
  for (const auto& [key, value] : query) {
    if (absl::EqualsIgnoreCase(key, name)) return absl::string_view(value);
  }
  return std::nullopt;
}

absl::StatusOr<Target> ParseTarget(absl::string_view text) {
  if (const size_t scheme = text.find("://");
      scheme != absl::string_view::npos && !absl::StartsWith(text, "/")) {
    const size_t path = text.find_first_of("/?", scheme + 3);
    text = path == absl::string_view::npos ? "/" : text.substr(path);
  }
  if (!absl::StartsWith(text, "/")) {
    return absl::InvalidArgumentError("the request target must be a path, as in /api/v3/info");
  }
  text = text.substr(0, text.find('#'));
  const size_t mark = text.find('?');
  Target target;
  for (absl::string_view part : absl::StrSplit(text.substr(0, mark).substr(1), '/')) {
    std::optional<std::string> segment = Decode(part, false);
    if (!segment) return BadEncoding();
    target.segments.push_back(*std::move(segment));
  }
  if (mark == absl::string_view::npos) return target;
  for (absl::string_view part : absl::StrSplit(text.substr(mark + 1), '&', absl::SkipEmpty())) {
    const std::pair<absl::string_view, absl::string_view> pair =
        absl::StrSplit(part, absl::MaxSplits('=', 1));
    std::optional<std::string> key = Decode(pair.first, true);
    std::optional<std::string> value = Decode(pair.second, true);
    if (!key || !value) return BadEncoding();
    target.query.emplace_back(*std::move(key), *std::move(value));
  }
  return target;
}

}  // namespace carillon::facade
