#include "broker/json/check.h"

#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "broker/json/exponents.h"
#include "broker/json/parse.h"

namespace carillon::json {
namespace {

using boost::json::error;

std::string Unexpected(char c) {
  if (absl::ascii_isprint(static_cast<unsigned char>(c)))
    return absl::StrCat("unexpected '", std::string(1, c), "'");
  return absl::StrFormat("unexpected byte 0x%02x", static_cast<unsigned char>(c));
}

std::string Describe(const ParseOutcome& outcome, absl::string_view text) {
  if (outcome.error == error::too_deep) {
    return absl::StrCat("arrays and objects nested more than ", kDepthMax, " deep");
  }
  if (outcome.error == error::extra_data) return "more text after the value";
  if (outcome.error == error::illegal_leading_surrogate ||
      outcome.error == error::illegal_trailing_surrogate ||
      outcome.error == error::expected_utf16_escape) {
    return "a \\u escape that is half of a surrogate pair";
  }
  if (outcome.offset >= text.size()) return "it ends too early";
  return Unexpected(text[outcome.offset]);
}

}  // namespace

absl::Status Check(absl::string_view text) {
  ParseOutcome outcome = Parse<NullHandler>(text);
  if (outcome.error == error::exponent_overflow) {
    const std::string cut = CutExponents(text);
    outcome = Parse<NullHandler>(cut);
    if (outcome.error) {
      return absl::InvalidArgumentError(
          absl::StrCat("not JSON (RFC 8259): ", Describe(outcome, cut)));
    }
  }
  if (!outcome.error) return absl::OkStatus();
  return absl::InvalidArgumentError(
      absl::StrCat("not JSON (RFC 8259): ", Describe(outcome, text), " at byte ", outcome.offset));
}

}  // namespace carillon::json
