// The text commands of the websocket protocol, and the events that answer them. Pure.
#ifndef CARILLON_WSFACADE_WS_COMMAND_H_
#define CARILLON_WSFACADE_WS_COMMAND_H_

#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace carillon::facade {

// Of a bad command, so much comes back as the key of the answer.
inline constexpr size_t kErrorKeyBytesMax = 256;

enum class Verb : uint8_t { kRegister, kDeregister };

struct Command {
  Verb verb;
  // As sent; a view into the command's text.
  absl::string_view filter_text;
  // The filter as a carillon.v1.Filter in bytes: the same for equal filters in whatever words.
  std::string filter;
};

// INVALID_ARGUMENT with a message that says what is wrong and what would be right.
absl::StatusOr<Command> ParseCommand(absl::string_view text);

// Appends the frame of the event that acknowledges a command.
void AppendAckFrame(Verb verb, absl::string_view filter_text, absl::Time now, std::string* out);

// Appends the frame of the event that answers a bad command; `text`, which is UTF-8, is cut to
// kErrorKeyBytesMax.
void AppendErrorFrame(absl::string_view text, absl::string_view error, absl::Time now,
                      std::string* out);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_WS_COMMAND_H_
