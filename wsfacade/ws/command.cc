#include "wsfacade/ws/command.h"

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "carillon/client/event_json.h"
#include "carillon/client/filter_text.h"
#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {
namespace {

constexpr size_t kQuotedBytesMax = 64;

void AppendEventFrame(absl::string_view action, absl::string_view key, absl::string_view object,
                      absl::Time now, std::string* out) {
  wire::EventView event;
  event.has_time = true;
  event.time.seconds = absl::ToUnixSeconds(now);
  event.time.nanos = static_cast<int32_t>(
      absl::ToInt64Nanoseconds(now - absl::FromUnixSeconds(event.time.seconds)));
  event.type = "websocket";
  event.action = action;
  event.key = key;
  event.object = object;
  std::string json;
  client::AppendEventJson(event, &json);
  AppendFrame(Opcode::kText, json, out);
}

}  // namespace

absl::StatusOr<Command> ParseCommand(absl::string_view text) {
  text = absl::StripAsciiWhitespace(text);
  const size_t space = text.find(' ');
  const absl::string_view word = text.substr(0, space);
  Command command;
  if (word == "register") {
    command.verb = Verb::kRegister;
  } else if (word == "deregister") {
    command.verb = Verb::kDeregister;
  } else {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown command \"", CutUtf8(word, kQuotedBytesMax),
                     "\"; known are \"register type.action.key\" and \"deregister "
                     "type.action.key\""));
  }
  if (space == absl::string_view::npos) {
    return absl::InvalidArgumentError(
        absl::StrCat("\"", word, "\" needs a filter, as in \"", word, " machines.*.*\""));
  }
  command.filter_text = text.substr(space + 1);
  absl::StatusOr<v1::Filter> filter = client::ParseFilterText(command.filter_text);
  if (!filter.ok()) return filter.status();
  command.filter = filter->SerializeAsString();
  return command;
}

void AppendAckFrame(Verb verb, absl::string_view filter_text, absl::Time now, std::string* out) {
  AppendEventFrame(verb == Verb::kRegister ? "register" : "deregister", filter_text, "", now, out);
}

void AppendErrorFrame(absl::string_view text, absl::string_view error, absl::Time now,
                      std::string* out) {
  std::string object = "{\"Error\":";
  client::AppendJsonString(error, &object);
  object.push_back('}');
  AppendEventFrame("error", CutUtf8(text, kErrorKeyBytesMax), object, now, out);
}

}  // namespace carillon::facade
