#include "src/rfc3339.h"

#include <chrono>

#include "absl/strings/ascii.h"

namespace carillon::client {
namespace {

constexpr int64_t kSecondsMin = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr int64_t kSecondsMax = 253'402'300'799;  // 9999-12-31T23:59:59Z
constexpr int32_t kNanosMax = 999'999'999;
constexpr int64_t kSecondsPerDay = 86'400;

wire::EventTime Clamped(wire::EventTime time) {
  if (time.seconds < kSecondsMin) return {kSecondsMin, 0};
  if (time.seconds > kSecondsMax) return {kSecondsMax, kNanosMax};
  if (time.nanos < 0 || time.nanos > kNanosMax) return {time.seconds, 0};
  return time;
}

template <int kDigits>
char* WriteDigits(uint32_t value, char* out) {
  for (int i = kDigits - 1; i >= 0; --i) {
    out[i] = static_cast<char>('0' + value % 10);
    value /= 10;
  }
  return out + kDigits;
}

// Takes exactly `count` digits from the front of `text`.
bool TakeDigits(absl::string_view* text, size_t count, int* value) {
  if (text->size() < count) return false;
  *value = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!absl::ascii_isdigit(static_cast<unsigned char>((*text)[i]))) return false;
    *value = *value * 10 + ((*text)[i] - '0');
  }
  text->remove_prefix(count);
  return true;
}

bool Take(absl::string_view* text, char c) {
  if (text->empty() || absl::ascii_toupper(static_cast<unsigned char>(text->front())) != c) {
    return false;
  }
  text->remove_prefix(1);
  return true;
}

bool TakeDays(absl::string_view* text, int64_t* days) {
  int year, month, day;
  if (!TakeDigits(text, 4, &year) || !Take(text, '-') || !TakeDigits(text, 2, &month) ||
      !Take(text, '-') || !TakeDigits(text, 2, &day)) {
    return false;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  *days = std::chrono::sys_days(date).time_since_epoch().count();
  return date.ok();
}

bool TakeSeconds(absl::string_view* text, int64_t* seconds) {
  int hour, minute, second;
  if (!TakeDigits(text, 2, &hour) || !Take(text, ':') || !TakeDigits(text, 2, &minute) ||
      !Take(text, ':') || !TakeDigits(text, 2, &second)) {
    return false;
  }
  *seconds = (hour * 60 + minute) * 60 + second;
  return hour < 24 && minute < 60 && second < 60;
}

bool TakeFraction(absl::string_view* text, int32_t* nanos) {
  *nanos = 0;
  if (!Take(text, '.')) return true;
  int32_t unit = 100'000'000;
  int digit;
  if (!TakeDigits(text, 1, &digit)) return false;
  do {
    *nanos += digit * unit;
    unit /= 10;
  } while (TakeDigits(text, 1, &digit));
  return true;
}

bool TakeOffset(absl::string_view* text, int64_t* seconds) {
  *seconds = 0;
  if (Take(text, 'Z')) return true;
  const bool behind = Take(text, '-');
  if (!behind && !Take(text, '+')) return false;
  int hour, minute;
  if (!TakeDigits(text, 2, &hour) || !Take(text, ':') || !TakeDigits(text, 2, &minute)) {
    return false;
  }
  *seconds = (hour * 60 + minute) * (behind ? -60 : 60);
  return hour < 24 && minute < 60;
}

}  // namespace

char* WriteRfc3339(const wire::EventTime& given, char* out) {
  const wire::EventTime time = Clamped(given);
  int64_t days = time.seconds / kSecondsPerDay;
  if (time.seconds % kSecondsPerDay < 0) --days;
  const auto second = static_cast<uint32_t>(time.seconds - days * kSecondsPerDay);
  const std::chrono::year_month_day date{
      std::chrono::sys_days(std::chrono::days(static_cast<int>(days)))};
  out = WriteDigits<4>(static_cast<uint32_t>(static_cast<int>(date.year())), out);
  *out++ = '-';
  out = WriteDigits<2>(static_cast<unsigned>(date.month()), out);
  *out++ = '-';
  out = WriteDigits<2>(static_cast<unsigned>(date.day()), out);
  *out++ = 'T';
  out = WriteDigits<2>(second / 3600, out);
  *out++ = ':';
  out = WriteDigits<2>(second / 60 % 60, out);
  *out++ = ':';
  out = WriteDigits<2>(second % 60, out);
  if (time.nanos != 0) {
    *out++ = '.';
    out = WriteDigits<9>(static_cast<uint32_t>(time.nanos), out);
    while (out[-1] == '0') --out;
  }
  *out++ = 'Z';
  return out;
}

bool ParseRfc3339(absl::string_view text, wire::EventTime* time) {
  int64_t days, seconds, offset;
  if (!TakeDays(&text, &days) || !Take(&text, 'T') || !TakeSeconds(&text, &seconds) ||
      !TakeFraction(&text, &time->nanos) || !TakeOffset(&text, &offset) || !text.empty()) {
    return false;
  }
  time->seconds = days * kSecondsPerDay + seconds - offset;
  return time->seconds >= kSecondsMin && time->seconds <= kSecondsMax;
}

}  // namespace carillon::client
