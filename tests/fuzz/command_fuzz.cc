// The commands of a websocket: each gets an answer that is a frame with JSON in it.
#include <google/protobuf/stubs/logging.h>
#include <simdjson.h>

#include "broker/json/check.h"
#include "carillon/client/event_json.h"
#include "carillon/client/filter_text.h"
#include "tests/fuzz/fuzz.h"
#include "wsfacade/ws/command.h"
#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {
namespace {

using fuzz::Require;

void CheckAnswer(absl::string_view frame, absl::string_view action, absl::string_view key) {
  const size_t payload = frame.find("{\"Time\"");
  Require(payload <= 10, "a frame's header has at most 10 bytes");
  Require(json::Check(frame.substr(payload)).ok(), "an answer is JSON");
  const auto event = client::ParseEventJson(frame.substr(payload));
  Require(event.ok(), "an answer is an event");
  Require(event->type() == "websocket" && event->action() == action, "of its kind");
  Require(event->key() == std::string(key), "its key is the text as sent");
}

}  // namespace
}  // namespace carillon::facade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace carillon::facade;
  const absl::string_view text = carillon::fuzz::TextOf(data, size);
  // A text message is.
  if (!simdjson::validate_utf8(text.data(), text.size())) return 0;
  const absl::Time now = absl::FromUnixNanos(1'513'898'803'412'554'192);
  const auto command = ParseCommand(text);
  std::string frame;
  if (command.ok()) {
    const auto filter = carillon::client::ParseFilterText(command->filter_text);
    Require(filter.ok() && filter->SerializeAsString() == command->filter,
            "the filter is its text's");
    AppendAckFrame(command->verb, command->filter_text, now, &frame);
    CheckAnswer(frame, command->verb == Verb::kRegister ? "register" : "deregister",
                command->filter_text);
  } else {
    AppendErrorFrame(text, command.status().message(), now, &frame);
    CheckAnswer(frame, "error", CutUtf8(text, kErrorKeyBytesMax));
  }
  return 0;
}
