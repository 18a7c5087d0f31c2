#include "tests/bench/load/event_text.h"

#include <array>
#include <cstring>
#include <ctime>

#include "absl/strings/str_cat.h"

namespace carillon::bench {
namespace {

constexpr absl::string_view kBeforeNumber = "{\"n\":\"";
constexpr absl::string_view kBeforeTime = "\",\"at\":\"";
constexpr absl::string_view kBeforePad = "\",\"pad\":\"";
constexpr absl::string_view kEnd = "\"}}";
constexpr size_t kHexDigits = 16;

std::string Envelope() {
  return absl::StrCat("{\"Time\":\"2017-12-21T23:26:43.412554193Z\",\"Type\":\"", kEventType,
                      "\",\"Action\":\"", kEventAction, "\",\"Key\":\"", kEventKey,
                      "\",\"Principal\":\"rocketskates\",\"Object\":");
}

constexpr std::array<int8_t, 256> MakeDigitValues() {
  std::array<int8_t, 256> values = {};
  for (int8_t& value : values) value = -1;
  for (int digit = 0; digit < 16; ++digit) {
    values[static_cast<size_t>("0123456789abcdef"[digit])] = static_cast<int8_t>(digit);
  }
  return values;
}
constexpr std::array<int8_t, 256> kDigitValues = MakeDigitValues();

void WriteHex(uint64_t value, char* out) {
  for (size_t i = kHexDigits; i-- > 0; value >>= 4) out[i] = "0123456789abcdef"[value & 15];
}

bool ReadHex(const char* text, uint64_t* value) {
  uint64_t read = 0;
  int faults = 0;
  for (size_t i = 0; i < kHexDigits; ++i) {
    const int8_t digit = kDigitValues[static_cast<unsigned char>(text[i])];
    faults |= digit;
    read = read << 4 | (static_cast<uint64_t>(digit) & 15);
  }
  *value = read;
  return faults >= 0;
}

}  // namespace

uint64_t MonotonicNanos() {
  timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<uint64_t>(now.tv_sec) * 1'000'000'000 + static_cast<uint64_t>(now.tv_nsec);
}

EventText::EventText(size_t size) : text_(Envelope()) {
  object_begin_ = text_.size();
  absl::StrAppend(&text_, kBeforeNumber);
  number_begin_ = text_.size();
  text_.append(kHexDigits, '0');
  absl::StrAppend(&text_, kBeforeTime);
  text_.append(kHexDigits, '0');
  absl::StrAppend(&text_, kBeforePad);
  const size_t with_end = text_.size() + kEnd.size();
  if (size > with_end) text_.append(size - with_end, 'x');
  absl::StrAppend(&text_, kEnd);
}

void EventText::Write(const Stamp& stamp) {
  WriteHex(stamp.number, &text_[number_begin_]);
  WriteHex(stamp.sent_ns, &text_[number_begin_ + kHexDigits + kBeforeTime.size()]);
}

absl::string_view EventText::object() const {
  return absl::string_view(text_).substr(object_begin_, text_.size() - object_begin_ - 1);
}

StampReader::StampReader(size_t size) {
  const EventText sample(size);
  size_ = sample.whole().size();
  number_begin_ = sample.whole().find(kBeforeNumber) + kBeforeNumber.size();
}

bool StampReader::Read(absl::string_view text, Stamp* stamp) const {
  if (text.size() != size_) return false;
  const char* number = text.data() + number_begin_;
  if (std::memcmp(number - kBeforeNumber.size(), kBeforeNumber.data(), kBeforeNumber.size()) != 0) {
    return false;
  }
  return ReadHex(number, &stamp->number) &&
         ReadHex(number + kHexDigits + kBeforeTime.size(), &stamp->sent_ns);
}

}  // namespace carillon::bench
