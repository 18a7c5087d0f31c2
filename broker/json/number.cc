#include "broker/json/number.h"

#include <algorithm>
#include <charconv>
#include <limits>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace carillon::json {
namespace {

// A number's magnitude: 0.d1 d2 d3 … × 10^order, where d1 is not 0 unless there are no digits at
// all, which stands for 0.
struct Magnitude {
  // Digits, possibly with a decimal point among them, possibly with zeros at the end.
  absl::string_view digits;
  int64_t order = 0;
};

// Beyond any order that digits alone can give.
constexpr int64_t kExponentMax = int64_t{1} << 40;

int64_t ParseExponent(absl::string_view text) {
  const bool negative = text.front() == '-';
  if (negative || text.front() == '+') text.remove_prefix(1);
  int64_t exponent = 0;
  for (const char c : text) exponent = std::min(exponent * 10 + (c - '0'), kExponentMax);
  return negative ? -exponent : exponent;
}

Magnitude ParseMagnitude(absl::string_view unsigned_number) {
  Magnitude result;
  const size_t e = unsigned_number.find_first_of("eE");
  if (e != absl::string_view::npos) result.order = ParseExponent(unsigned_number.substr(e + 1));
  result.digits = unsigned_number.substr(0, e);
  const size_t point = std::min(result.digits.find('.'), result.digits.size());
  const size_t first = result.digits.find_first_of("123456789");
  if (first == absl::string_view::npos) return Magnitude{};
  // Zeros between the point and the first digit, or digits up to the point.
  result.order += first < point ? static_cast<int64_t>(point - first)
                                : -static_cast<int64_t>(first - point - 1);
  result.digits.remove_prefix(first);
  return result;
}

// Takes the next digit off; 0 when there are no more.
char NextDigit(absl::string_view* digits) {
  if (!digits->empty() && digits->front() == '.') digits->remove_prefix(1);
  if (digits->empty()) return '0';
  const char digit = digits->front();
  digits->remove_prefix(1);
  return digit;
}

int Compare(Magnitude a, Magnitude b) {
  if (a.digits.empty() || b.digits.empty()) {
    return static_cast<int>(!a.digits.empty()) - static_cast<int>(!b.digits.empty());
  }
  if (a.order != b.order) return a.order < b.order ? -1 : 1;
  while (!a.digits.empty() || !b.digits.empty()) {
    const char digit_of_a = NextDigit(&a.digits);
    const char digit_of_b = NextDigit(&b.digits);
    if (digit_of_a != digit_of_b) return digit_of_a < digit_of_b ? -1 : 1;
  }
  return 0;
}

}  // namespace

int CompareNumber(absl::string_view number, int64_t value) {
  const bool number_negative = number.front() == '-';
  const bool value_negative = value < 0;
  if (number_negative) number.remove_prefix(1);
  char buffer[std::numeric_limits<int64_t>::digits10 + 3];
  const char* end = std::to_chars(buffer, buffer + sizeof(buffer), value).ptr;
  const char* begin = buffer + value_negative;
  const Magnitude of_number = ParseMagnitude(number);
  const Magnitude of_value = ParseMagnitude({begin, static_cast<size_t>(end - begin)});
  if (of_number.digits.empty() && of_value.digits.empty()) return 0;
  if (number_negative != value_negative) return number_negative ? -1 : 1;
  const int order = Compare(of_number, of_value);
  return number_negative ? -order : order;
}

double NearestDouble(absl::string_view number) {
  double value = 0;
  // Only fails for what is not a number.
  static_cast<void>(absl::SimpleAtod(number, &value));
  return value;
}

}  // namespace carillon::json
