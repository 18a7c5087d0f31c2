#include "clients/cli/output.h"

#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "carillon/client/event_json.h"

namespace carillon::cli {
namespace {

bool IsUtf8Continuation(char c) { return (static_cast<unsigned char>(c) & 0xC0) == 0x80; }

size_t CharacterCount(absl::string_view text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return !IsUtf8Continuation(c); }));
}

void AppendPadded(absl::string_view text, size_t width, std::string* out) {
  absl::StrAppend(out, text);
  const size_t length = CharacterCount(text);
  if (length < width) out->append(width - length, ' ');
}

std::string TimeText(const wire::EventView& event) {
  const absl::Time time =
      absl::FromUnixSeconds(event.time.seconds) + absl::Nanoseconds(event.time.nanos);
  return absl::FormatTime("%Y-%m-%dT%H:%M:%E3SZ", time, absl::UTCTimeZone());
}

}  // namespace

bool WriteAll(int fd, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = write(fd, text.data(), text.size());
    if (written > 0) {
      text.remove_prefix(static_cast<size_t>(written));
    } else if (errno == EAGAIN) {
      // A pipe somebody else made non-blocking.
      pollfd writable = {fd, POLLOUT, 0};
      poll(&writable, 1, -1);
    } else if (errno != EINTR) {
      return false;
    }
  }
  return true;
}

int TerminalWidth(int fd) {
  if (isatty(fd) == 0) return 0;
  winsize size = {};
  if (ioctl(fd, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
  return size.ws_col;
}

std::string FormatTable(const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], CharacterCount(row[i]));
    }
  }
  std::string out;
  for (const auto& row : rows) {
    for (size_t i = 0; i + 1 < row.size(); ++i) AppendPadded(row[i], widths[i] + 2, &out);
    if (!row.empty()) absl::StrAppend(&out, row.back());
    out.push_back('\n');
  }
  return out;
}

std::string WithoutControlCharacters(absl::string_view text) {
  std::string out(text);
  for (size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if (byte < 0x20 || byte == 0x7F) {
      out[i] = ' ';
    } else if (byte == 0xC2 && i + 1 < out.size() &&
               static_cast<unsigned char>(out[i + 1]) < 0xA0) {
      // U+0080 to U+009F: control characters in two bytes.
      out[i] = ' ';
      out[i + 1] = ' ';
    }
  }
  return out;
}

std::string CutToWidth(absl::string_view text, size_t columns) {
  size_t count = 0;
  size_t cut = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    if (IsUtf8Continuation(text[i])) continue;
    if (count + 1 == columns) cut = i;
    if (++count > columns) return absl::StrCat(text.substr(0, cut), "…");
  }
  return std::string(text);
}

void AppendEventText(const wire::EventView& event, int width, std::string* out) {
  std::string line = TimeText(event);
  line += "  ";
  AppendPadded(event.type, 14, &line);
  line += "  ";
  AppendPadded(event.action, 10, &line);
  line += "  ";
  AppendPadded(event.key, 24, &line);
  line += "  ";
  AppendPadded(event.principal, 12, &line);
  absl::StrAppend(&line, "  ", event.object.empty() ? "null" : event.object);
  line = WithoutControlCharacters(line);
  absl::StrAppend(out, width > 0 ? CutToWidth(line, static_cast<size_t>(width)) : line, "\n");
}

void AppendEventJsonLine(const wire::EventView& event, bool with_position, std::string* out) {
  const size_t begin = out->size();
  client::AppendEventJson(event, out);
  // Inside JSON strings line ends are escaped: what is left of them is white space.
  std::replace_if(
      out->begin() + static_cast<ptrdiff_t>(begin), out->end(),
      [](char c) { return c == '\n' || c == '\r'; }, ' ');
  if (with_position) {
    out->pop_back();
    absl::StrAppend(out, ",\"Position\":");
    client::AppendJsonString(event.position, out);
    out->push_back('}');
  }
  out->push_back('\n');
}

std::string WithThousands(int64_t number) {
  std::string digits = absl::StrCat(number);
  const size_t first = number < 0 ? 1 : 0;
  for (size_t i = digits.size(); i > first + 3;) {
    i -= 3;
    digits.insert(i, 1, ',');
  }
  return digits;
}

}  // namespace carillon::cli
