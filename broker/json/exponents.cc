#include "broker/json/exponents.h"

#include <algorithm>
#include <cstddef>

#include "absl/strings/ascii.h"

namespace carillon::json {
namespace {

constexpr size_t kExponentDigitsMax = 8;

// Past the string whose opening quote is at `begin`; the end of the text if nothing closes it.
size_t EndOfString(absl::string_view text, size_t begin) {
  for (size_t i = begin + 1; i < text.size(); ++i) {
    if (text[i] == '\\') {
      ++i;
    } else if (text[i] == '"') {
      return i + 1;
    }
  }
  return text.size();
}

template <typename Predicate>
size_t SkipWhile(absl::string_view text, size_t begin, Predicate predicate) {
  while (begin < text.size() && predicate(static_cast<unsigned char>(text[begin]))) ++begin;
  return begin;
}

}  // namespace

std::string CutExponents(absl::string_view text) {
  std::string out;
  out.reserve(text.size());
  size_t i = 0;
  while (i < text.size()) {
    if (text[i] == '"') {
      const size_t end = EndOfString(text, i);
      out.append(text.data() + i, end - i);
      i = end;
    } else if (text[i] == 'e' || text[i] == 'E') {
      const size_t sign = i + 1;
      const size_t digits = sign + (sign < text.size() && (text[sign] == '+' || text[sign] == '-'));
      const size_t end = SkipWhile(text, digits, absl::ascii_isdigit);
      // Leading zeros count for nothing, but at least one digit has to stay.
      const size_t first = SkipWhile(text, digits, [](unsigned char c) { return c == '0'; });
      const size_t kept_from = end > digits ? std::min(first, end - 1) : digits;
      const size_t kept_to = std::min(end, kept_from + kExponentDigitsMax);
      out.append(text.data() + i, digits - i);
      out.append(text.data() + kept_from, kept_to - kept_from);
      i = end;
    } else {
      out.push_back(text[i++]);
    }
  }
  return out;
}

}  // namespace carillon::json
