// The few cryptographic steps that this room is made of, on OpenSSL.
#ifndef CARILLON_BROKER_ACCESS_CRYPTO_H_
#define CARILLON_BROKER_ACCESS_CRYPTO_H_

#include <cstddef>
#include <string>

#include "absl/strings/string_view.h"

namespace carillon::access {

// 32 bytes.
std::string Sha256(absl::string_view data);
// 32 bytes (RFC 2104).
std::string HmacSha256(absl::string_view key, absl::string_view data);
// From the system's generator; ends the program if that fails, as nothing is safe without it.
std::string RandomBytes(size_t count);
// In a time that depends on the lengths alone.
bool ConstantTimeEqual(absl::string_view a, absl::string_view b);
// Without padding, URL-safe.
std::string Base64Url(absl::string_view bytes);

// Appends `part` so that different lists of parts never make the same text.
void AppendPart(absl::string_view part, std::string* out);

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_CRYPTO_H_
