// What the command line writes: stdout for results, whole lines as soon as they are there; stderr
// for everything else.
#ifndef CARILLON_CLIENTS_CLI_OUTPUT_H_
#define CARILLON_CLIENTS_CLI_OUTPUT_H_

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "carillon/wire/event_view.h"

namespace carillon::cli {

// Writes all of `text` to a file descriptor. False if nobody reads it any more (EPIPE) or it cannot
// be written, as errno says; SIGPIPE has to be ignored.
bool WriteAll(int fd, absl::string_view text);

// The width of the terminal behind `fd` in columns; 0 if there is none.
int TerminalWidth(int fd);

// Lays rows out in columns, two spaces apart; the first row is the heading. The last column is
// never padded.
std::string FormatTable(const std::vector<std::vector<std::string>>& rows);

// Makes text fit for a terminal: control characters, which could move the cursor or worse, become
// spaces.
std::string WithoutControlCharacters(absl::string_view text);

// Cuts UTF-8 `text` to at most `columns` characters, ending in "…" if something was left out.
std::string CutToWidth(absl::string_view text, size_t columns);

// One line for people: time, type, action, key, principal, object. `width` > 0 cuts it to a
// terminal.
void AppendEventText(const wire::EventView& event, int width, std::string* out);

// One line for programs: the event as JSON. Line ends in the white space of object and original
// become spaces. `with_position` adds the member "Position".
void AppendEventJsonLine(const wire::EventView& event, bool with_position, std::string* out);

// "1,234,567".
std::string WithThousands(int64_t number);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_OUTPUT_H_
