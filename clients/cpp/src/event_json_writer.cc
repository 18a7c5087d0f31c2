#include <array>

#include "carillon/client/event_json.h"
#include "src/rfc3339.h"

namespace carillon::client {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

// What each byte needs in a JSON string: 0 nothing, 'u' a \u00XX, else the letter after a '\'.
constexpr std::array<char, 256> kEscapes = [] {
  std::array<char, 256> escapes{};
  for (size_t c = 0; c < 0x20; ++c) escapes[c] = 'u';
  escapes['\b'] = 'b';
  escapes['\f'] = 'f';
  escapes['\n'] = 'n';
  escapes['\r'] = 'r';
  escapes['\t'] = 't';
  escapes['"'] = '"';
  escapes['\\'] = '\\';
  return escapes;
}();

char EscapeOf(char c) { return kEscapes[static_cast<unsigned char>(c)]; }

// The number of bytes at the front of `text` that need no escape.
size_t PlainPrefix(absl::string_view text) {
  size_t i = 0;
  while (i < text.size() && EscapeOf(text[i]) == 0) ++i;
  return i;
}

void AppendView(absl::string_view text, std::string* out) { out->append(text.data(), text.size()); }

void AppendEscape(char c, std::string* out) {
  out->push_back('\\');
  out->push_back(EscapeOf(c));
  if (EscapeOf(c) == 'u') {
    out->append("00");
    out->push_back(kHexDigits[c >> 4]);
    out->push_back(kHexDigits[c & 0xf]);
  }
}

}  // namespace

void AppendRfc3339(const wire::EventTime& time, std::string* out) {
  std::array<char, kRfc3339BytesMax> text;
  out->append(text.data(), WriteRfc3339(time, text.data()));
}

void AppendJsonString(absl::string_view text, std::string* out) {
  out->push_back('"');
  for (size_t plain = PlainPrefix(text); plain < text.size(); plain = PlainPrefix(text)) {
    AppendView(text.substr(0, plain), out);
    AppendEscape(text[plain], out);
    text.remove_prefix(plain + 1);
  }
  AppendView(text, out);
  out->push_back('"');
}

void AppendEventJson(const wire::EventView& event, std::string* out) {
  // Names, quotes and time take fewer than 160 bytes; that is all there is unless a string has
  // escapes.
  out->reserve(out->size() + 160 + event.type.size() + event.action.size() + event.key.size() +
               event.principal.size() + event.object.size() + event.original.size());
  out->append(R"({"Time":")");
  AppendRfc3339(event.has_time ? event.time : wire::EventTime{.seconds = -62'135'596'800}, out);
  out->append(R"(","Type":)");
  AppendJsonString(event.type, out);
  out->append(R"(,"Action":)");
  AppendJsonString(event.action, out);
  out->append(R"(,"Key":)");
  AppendJsonString(event.key, out);
  if (!event.principal.empty()) {
    out->append(R"(,"Principal":)");
    AppendJsonString(event.principal, out);
  }
  out->append(R"(,"Object":)");
  AppendView(event.object.empty() ? absl::string_view("null") : event.object, out);
  if (!event.original.empty()) {
    out->append(R"(,"Original":)");
    AppendView(event.original, out);
  }
  out->push_back('}');
}

}  // namespace carillon::client
