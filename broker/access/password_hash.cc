#include "broker/access/password_hash.h"

#include <openssl/evp.h>

#include <cstddef>
#include <vector>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/escaping.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "broker/access/crypto.h"

namespace carillon::access {
namespace {

constexpr size_t kSaltBytes = 16;
constexpr size_t kHashBytes = 32;
constexpr uint64_t kMemoryMax = uint64_t{1} << 30;

uint64_t MemoryOf(const ScryptCost& cost) {
  // The blocks of V, of B and two of scratch (RFC 7914, section 5).
  return uint64_t{128} * cost.r * ((uint64_t{1} << cost.log2_n) + cost.p + 2);
}

// Empty if OpenSSL refuses the cost.
std::string Scrypt(absl::string_view password, absl::string_view salt, const ScryptCost& cost,
                   size_t size) {
  std::string hash(size, '\0');
  const int done = EVP_PBE_scrypt(password.data(), password.size(),
                                  reinterpret_cast<const unsigned char*>(salt.data()), salt.size(),
                                  uint64_t{1} << cost.log2_n, cost.r, cost.p, MemoryOf(cost),
                                  reinterpret_cast<unsigned char*>(hash.data()), hash.size());
  return done == 1 ? hash : "";
}

std::string Unpadded(absl::string_view bytes) {
  std::string text = absl::Base64Escape(bytes);
  text.erase(text.find_last_not_of('=') + 1);
  return text;
}

std::string PhcString(const ScryptCost& cost, absl::string_view salt, absl::string_view hash) {
  return absl::StrCat("$scrypt$ln=", cost.log2_n, ",r=", cost.r, ",p=", cost.p, "$", Unpadded(salt),
                      "$", Unpadded(hash));
}

bool ParseNumber(absl::string_view text, absl::string_view key, uint32_t max, uint32_t* value) {
  return absl::ConsumePrefix(&text, key) && absl::SimpleAtoi(text, value) && *value >= 1 &&
         *value <= max;
}

bool ParseCost(absl::string_view text, ScryptCost* cost) {
  const std::vector<absl::string_view> items = absl::StrSplit(text, ',');
  return items.size() == 3 && ParseNumber(items[0], "ln=", 24, &cost->log2_n) &&
         ParseNumber(items[1], "r=", 64, &cost->r) && ParseNumber(items[2], "p=", 64, &cost->p) &&
         MemoryOf(*cost) <= kMemoryMax;
}

}  // namespace

std::string HashPassword(absl::string_view password, const ScryptCost& cost) {
  const std::string salt = RandomBytes(kSaltBytes);
  const std::string hash = Scrypt(password, salt, cost, kHashBytes);
  ABSL_RAW_CHECK(!hash.empty(), "scrypt failed: not enough memory, or a cost it cannot take");
  return PhcString(cost, salt, hash);
}

std::string UnmatchableHash(const ScryptCost& cost) {
  return PhcString(cost, RandomBytes(kSaltBytes), RandomBytes(kHashBytes));
}

bool VerifyPassword(absl::string_view password, absl::string_view phc) {
  const std::vector<absl::string_view> parts = absl::StrSplit(phc, '$');
  ScryptCost cost;
  std::string salt, expected;
  if (parts.size() != 5 || !parts[0].empty() || parts[1] != "scrypt" ||
      !ParseCost(parts[2], &cost) || !absl::Base64Unescape(parts[3], &salt) ||
      !absl::Base64Unescape(parts[4], &expected) || expected.size() < kHashBytes) {
    return false;
  }
  const std::string actual = Scrypt(password, salt, cost, expected.size());
  return !actual.empty() && ConstantTimeEqual(actual, expected);
}

}  // namespace carillon::access
