// How a log line is written: no socket, no clock, no lock.
#include <cmath>
#include <cstddef>
#include <string>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "deploy/program/logging.h"

namespace carillon::program {
namespace {

constexpr absl::string_view kReplacement = "\xef\xbf\xbd";  // U+FFFD

struct LevelName {
  absl::string_view text;
  absl::string_view json;
};

constexpr LevelName kLevelNames[] = {
    {"TRACE", "trace"}, {"DEBUG", "debug"}, {"INFO", "info"}, {"WARN", "warn"}, {"ERROR", "error"}};

const LevelName& NameOf(Level level) { return kLevelNames[static_cast<int>(level)]; }

std::string TimeText(absl::Time time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E6SZ", time, absl::UTCTimeZone());
}

struct CodePoint {
  // -1: the byte is not part of well-formed UTF-8.
  int32_t value;
  size_t bytes;
};

// The first code point of a text that is not empty (Unicode 15, table 3-7).
CodePoint Decode(absl::string_view text) {
  const auto byte = [&](size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  if (first < 0x80) return {first, 1};
  const size_t bytes = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < bytes) return {-1, 1};
  int32_t value = first & (0x7f >> bytes);
  for (size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return {-1, 1};
    value = value << 6 | (byte(i) & 0x3f);
  }
  const bool overlong = (bytes == 3 && value < 0x800) || (bytes == 4 && value < 0x10000);
  const bool surrogate = value >= 0xd800 && value <= 0xdfff;
  if (overlong || surrogate || value > 0x10ffff) return {-1, 1};
  return {value, bytes};
}

// Breaks a line or moves a terminal: C0 and C1 controls, DEL, the line and paragraph separators.
bool IsControl(int32_t value) {
  return value < 0x20 || (value >= 0x7f && value < 0xa0) || value == 0x2028 || value == 0x2029;
}

void AppendEscapedText(std::string* out, absl::string_view text, bool quoted) {
  while (!text.empty()) {
    const CodePoint point = Decode(text);
    const absl::string_view bytes = text.substr(0, point.bytes);
    text.remove_prefix(point.bytes);
    if (point.value == '\n') {
      out->append("\\n");
    } else if (point.value == '\t') {
      out->append("\\t");
    } else if (point.value == '\r') {
      out->append("\\r");
    } else if (point.value < 0 || point.value == 0x7f || point.value < 0x20) {
      absl::StrAppendFormat(out, "\\x%02x", static_cast<unsigned char>(bytes[0]));
    } else if (IsControl(point.value)) {
      absl::StrAppendFormat(out, "\\u%04x", point.value);
    } else {
      if (quoted && (point.value == '"' || point.value == '\\')) out->push_back('\\');
      absl::StrAppend(out, bytes);
    }
  }
}

bool NeedsQuotes(absl::string_view text) {
  for (char c : text) {
    if (!absl::ascii_isgraph(c) || c == '"' || c == '\\' || c == '=') return true;
  }
  return text.empty();
}

void AppendText(std::string* out, absl::string_view text) {
  if (!NeedsQuotes(text)) {
    absl::StrAppend(out, text);
    return;
  }
  out->push_back('"');
  AppendEscapedText(out, text, /*quoted=*/true);
  out->push_back('"');
}

void AppendJsonString(std::string* out, absl::string_view text) {
  out->push_back('"');
  while (!text.empty()) {
    const CodePoint point = Decode(text);
    if (point.value < 0) {
      absl::StrAppend(out, kReplacement);
    } else if (point.value == '"' || point.value == '\\') {
      out->push_back('\\');
      out->push_back(text[0]);
    } else if (IsControl(point.value)) {
      absl::StrAppendFormat(out, "\\u%04x", point.value);
    } else {
      absl::StrAppend(out, text.substr(0, point.bytes));
    }
    text.remove_prefix(point.bytes);
  }
  out->push_back('"');
}

// A field's value: a literal that both formats write alike, or a string that they quote.
struct Rendered {
  std::string text;
  bool is_string;
};

Rendered Render(const Field::Value& value) {
  struct Visitor {
    Rendered operator()(bool v) const { return {v ? "true" : "false", false}; }
    Rendered operator()(int64_t v) const { return {absl::StrCat(v), false}; }
    Rendered operator()(uint64_t v) const { return {absl::StrCat(v), false}; }
    // JSON has no infinity and no NaN.
    Rendered operator()(double v) const { return {absl::StrCat(v), !std::isfinite(v)}; }
    Rendered operator()(absl::string_view v) const { return {std::string(v), true}; }
    Rendered operator()(const Field::Printable& v) const { return {v.print(v.object), true}; }
  };
  return std::visit(Visitor(), value);
}

void AppendTextFields(std::string* out, absl::Span<const Field> fields) {
  for (const Field& field : fields) {
    out->push_back(' ');
    for (char c : field.name()) out->push_back(absl::ascii_isalnum(c) || c == '.' ? c : '_');
    out->push_back('=');
    AppendText(out, Render(field.value()).text);
  }
}

void AppendJsonFields(std::string* out, absl::Span<const Field> fields) {
  for (const Field& field : fields) {
    out->push_back(',');
    AppendJsonString(out, field.name());
    out->push_back(':');
    const Rendered value = Render(field.value());
    if (value.is_string) {
      AppendJsonString(out, value.text);
    } else {
      absl::StrAppend(out, value.text);
    }
  }
}

}  // namespace

std::string RenderLogLine(LogFormat format, absl::Time time, Level level, absl::string_view message,
                          absl::Span<const Field> fields) {
  std::string line;
  if (format == LogFormat::kText) {
    absl::StrAppend(&line, TimeText(time), " ", NameOf(level).text, " ");
    AppendEscapedText(&line, message, /*quoted=*/false);
    AppendTextFields(&line, fields);
  } else {
    absl::StrAppend(&line, "{\"time\":\"", TimeText(time), "\",\"level\":\"", NameOf(level).json,
                    "\",\"message\":");
    AppendJsonString(&line, message);
    AppendJsonFields(&line, fields);
    line.push_back('}');
  }
  return line;
}

}  // namespace carillon::program
