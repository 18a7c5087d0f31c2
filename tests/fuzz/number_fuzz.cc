// Numbers of JSON beside the C library. The first eight bytes are what a number is compared with.
#include <cstdlib>
#include <cstring>
#include <limits>
#include <string>

#include "absl/strings/numbers.h"
#include "broker/json/check.h"
#include "broker/json/number.h"
#include "tests/fuzz/fuzz.h"

using carillon::fuzz::Require;
using carillon::json::CompareNumber;

namespace {

bool IsNumber(absl::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789+-.eE") == absl::string_view::npos &&
         carillon::json::Check(text).ok();
}

int Sign(int64_t a, int64_t b) { return a < b ? -1 : a > b ? 1 : 0; }

void CheckAgainst(absl::string_view number, int64_t value) {
  const int order = CompareNumber(number, value);
  if (value < std::numeric_limits<int64_t>::max() && order <= 0) {
    Require(CompareNumber(number, value + 1) < 0, "what is not greater is less than one more");
  }
  if (value > std::numeric_limits<int64_t>::min() && order >= 0) {
    Require(CompareNumber(number, value - 1) > 0, "what is not less is greater than one less");
  }
  int64_t whole;
  if (absl::SimpleAtoi(number, &whole)) Require(order == Sign(whole, value), "as whole numbers");
  const double nearest = std::strtod(std::string(number).c_str(), nullptr);
  const double of_value = static_cast<double>(value);
  if (nearest < of_value) Require(order <= 0, "not greater where the doubles are less");
  if (nearest > of_value) Require(order >= 0, "not less where the doubles are greater");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  int64_t value;
  if (size < sizeof(value)) return 0;
  std::memcpy(&value, data, sizeof(value));
  const absl::string_view number =
      carillon::fuzz::TextOf(data + sizeof(value), size - sizeof(value));
  if (!IsNumber(number)) return 0;
  const double expected = std::strtod(std::string(number).c_str(), nullptr);
  const double nearest = carillon::json::NearestDouble(number);
  Require(std::memcmp(&nearest, &expected, sizeof(nearest)) == 0, "the nearest double");
  for (const int64_t other : {value, value >> 40, int64_t{0}, std::numeric_limits<int64_t>::max(),
                              std::numeric_limits<int64_t>::min()}) {
    CheckAgainst(number, other);
  }
  int64_t whole;
  if (absl::SimpleAtoi(number, &whole)) {
    Require(CompareNumber(number, whole) == 0, "a number equals itself");
  }
  return 0;
}
