// What names and values in accounts may look like.
#ifndef CARILLON_BROKER_ACCESS_NAMES_H_
#define CARILLON_BROKER_ACCESS_NAMES_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace carillon::access {

// Well-formed UTF-8 (RFC 3629) without control characters (Unicode category Cc).
bool IsPlainText(absl::string_view text);

// Whether `name` can be a user's or a role's: 1 to 128 bytes of plain text without ":" and ",",
// with no space at either end (claims drop those). INVALID_ARGUMENT names `field`.
absl::Status CheckName(absl::string_view field, absl::string_view name);

// 8 to 1,024 bytes. INVALID_ARGUMENT names `field`.
absl::Status CheckNewPassword(absl::string_view field, absl::string_view password);

// No password is longer.
inline constexpr size_t kPasswordBytesMax = 1024;

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_NAMES_H_
