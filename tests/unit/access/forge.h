// Makes tokens by hand, as the RFCs say and as they do not.
#ifndef CARILLON_TESTS_UNIT_ACCESS_FORGE_H_
#define CARILLON_TESTS_UNIT_ACCESS_FORGE_H_

#include <string>

#include "absl/strings/string_view.h"

namespace carillon::access {

// header.payload.HMAC-SHA256(header.payload), each in base64url.
std::string Forge(absl::string_view header, absl::string_view payload, absl::string_view key);
// The same with another digest, such as "SHA512".
std::string ForgeWith(const char* digest, absl::string_view header, absl::string_view payload,
                      absl::string_view key);
// With an empty signature.
std::string ForgeUnsigned(absl::string_view header, absl::string_view payload);

// The payload of a token as JSON.
std::string PayloadOf(absl::string_view token);
// `token` with another payload, its signature kept.
std::string WithPayload(absl::string_view token, absl::string_view payload);

}  // namespace carillon::access

#endif  // CARILLON_TESTS_UNIT_ACCESS_FORGE_H_
