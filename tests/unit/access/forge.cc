#include "tests/unit/access/forge.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace carillon::access {

std::string ForgeUnsigned(absl::string_view header, absl::string_view payload) {
  return absl::StrCat(absl::WebSafeBase64Escape(header), ".", absl::WebSafeBase64Escape(payload),
                      ".");
}

std::string ForgeWith(const char* digest, absl::string_view header, absl::string_view payload,
                      absl::string_view key) {
  std::string token = ForgeUnsigned(header, payload);
  const size_t signed_bytes = token.size() - 1;
  unsigned char mac[EVP_MAX_MD_SIZE];
  unsigned int size = 0;
  HMAC(EVP_get_digestbyname(digest), key.data(), static_cast<int>(key.size()),
       reinterpret_cast<const unsigned char*>(token.data()), signed_bytes, mac, &size);
  return token +
         absl::WebSafeBase64Escape(absl::string_view(reinterpret_cast<const char*>(mac), size));
}

std::string Forge(absl::string_view header, absl::string_view payload, absl::string_view key) {
  return ForgeWith("SHA256", header, payload, key);
}

std::string PayloadOf(absl::string_view token) {
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  std::string payload;
  absl::WebSafeBase64Unescape(parts.at(1), &payload);
  return payload;
}

std::string WithPayload(absl::string_view token, absl::string_view payload) {
  const std::vector<absl::string_view> parts = absl::StrSplit(token, '.');
  return absl::StrCat(parts.at(0), ".", absl::WebSafeBase64Escape(payload), ".", parts.at(2));
}

}  // namespace carillon::access
