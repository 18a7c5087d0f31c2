#include "src/event_ids.h"

#include <random>

#include "absl/strings/str_cat.h"

namespace carillon::client {
namespace {

// Crockford's base32: no letters that are mistaken for digits.
constexpr char kDigits[] = "0123456789abcdefghjkmnpqrstvwxyz";
constexpr int kRandomDigits = 26;  // of 5 bits: 130

}  // namespace

EventIds::EventIds() {
  std::random_device random;
  for (int i = 0; i < kRandomDigits; ++i) prefix_.push_back(kDigits[random() % 32]);
}

std::string EventIds::Next() {
  return absl::StrCat(prefix_, "-", absl::Hex(counter_++, absl::kZeroPad16));
}

}  // namespace carillon::client
