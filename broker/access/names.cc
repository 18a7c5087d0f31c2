#include "broker/access/names.h"

#include <simdjson.h>

#include <cstdint>

#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

constexpr size_t kNameBytesMax = 128;
constexpr size_t kPasswordBytesMin = 8;

// Of text that is well-formed: C0, DEL and C1, which in UTF-8 is 0xC2 0x80 to 0xC2 0x9F.
bool HasControlCharacter(absl::string_view text) {
  uint8_t before = 0;
  for (const char c : text) {
    const auto byte = static_cast<uint8_t>(c);
    if (byte < 0x20 || byte == 0x7F) return true;
    if (before == 0xC2 && byte < 0xA0) return true;
    before = byte;
  }
  return false;
}

}  // namespace

bool IsPlainText(absl::string_view text) {
  return simdjson::validate_utf8(text.data(), text.size()) && !HasControlCharacter(text);
}

absl::Status CheckName(absl::string_view field, absl::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) {
    return wire::FieldError(field, "must be 1 to 128 bytes");
  }
  if (!IsPlainText(name) || name.find_first_of(":,") != absl::string_view::npos) {
    return wire::FieldError(field, "must be UTF-8 without control characters, \":\" and \",\"");
  }
  if (name.front() == ' ' || name.back() == ' ') {
    return wire::FieldError(field, "must not begin or end with a space");
  }
  return absl::OkStatus();
}

absl::Status CheckNewPassword(absl::string_view field, absl::string_view password) {
  if (password.size() < kPasswordBytesMin || password.size() > kPasswordBytesMax) {
    return wire::FieldError(field, "must be 8 to 1,024 bytes");
  }
  return absl::OkStatus();
}

}  // namespace carillon::access
