// Hashes passwords with scrypt (RFC 7914).
#ifndef CARILLON_BROKER_ACCESS_PASSWORD_HASH_H_
#define CARILLON_BROKER_ACCESS_PASSWORD_HASH_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace carillon::access {

// How much work one hash is: it takes 128 * r * 2^log2_n bytes of memory. The default is the first
// setting that OWASP's Password Storage Cheat Sheet lists for scrypt (128 MiB, about 0.4 s).
struct ScryptCost {
  uint32_t log2_n = 17;
  uint32_t r = 8;
  uint32_t p = 1;
};

// "$scrypt$ln=17,r=8,p=1$<salt>$<hash>" (PHC string format) with 16 random bytes of salt.
std::string HashPassword(absl::string_view password, const ScryptCost& cost);

// A hash of that form that no password has: checking one against it is the same work as against a
// real one.
std::string UnmatchableHash(const ScryptCost& cost);

// Whether `password` is the one that `phc` was made of; at the cost written there. False for a text
// that is not of that form or asks for more than 1 GiB.
bool VerifyPassword(absl::string_view password, absl::string_view phc);

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_PASSWORD_HASH_H_
