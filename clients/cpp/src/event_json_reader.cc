#include <simdjson.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "carillon/client/event_json.h"
#include "src/rfc3339.h"

namespace carillon::client {
namespace {

using simdjson::ondemand::json_type;

absl::Status Invalid(absl::string_view what) { return absl::InvalidArgumentError(what); }

absl::Status NotJson(simdjson::error_code error) {
  return Invalid(absl::StrCat(
      R"(not one JSON object such as {"Type":"machines","Action":"save","Key":"m1","Object":{}}: )",
      simdjson::error_message(error)));
}

// The text of a value, to its last byte.
absl::Status RawText(simdjson::ondemand::value value, absl::string_view* text) {
  json_type type;
  if (const auto error = value.type().get(type)) return NotJson(error);
  std::string_view raw;
  simdjson::error_code error = simdjson::SUCCESS;
  if (type == json_type::object) {
    simdjson::ondemand::object object;
    error = value.get_object().get(object);
    if (!error) error = object.raw_json().get(raw);
  } else if (type == json_type::array) {
    simdjson::ondemand::array array;
    error = value.get_array().get(array);
    if (!error) error = array.raw_json().get(raw);
  } else {
    raw = value.raw_json_token();
  }
  if (error) return NotJson(error);
  *text = absl::StripTrailingAsciiWhitespace(absl::string_view(raw.data(), raw.size()));
  return absl::OkStatus();
}

absl::Status ReadRaw(simdjson::ondemand::value value, std::string* field) {
  absl::string_view text;
  if (absl::Status status = RawText(value, &text); !status.ok()) return status;
  field->assign(text == "null" ? "" : std::string(text));
  return absl::OkStatus();
}

// Any word that begins with "n" has the type of null.
absl::Status ReadNull(simdjson::ondemand::value value) {
  bool is_null = false;
  const auto error = value.is_null().get(is_null);
  return error || !is_null ? NotJson(simdjson::N_ATOM_ERROR) : absl::OkStatus();
}

// A null leaves the field as it is, as Go's encoding/json does.
absl::Status ReadString(absl::string_view name, simdjson::ondemand::value value,
                        std::string* field) {
  json_type type;
  if (const auto error = value.type().get(type)) return NotJson(error);
  if (type == json_type::null) return ReadNull(value);
  std::string_view text;
  const auto error = value.get_string().get(text);
  if (error == simdjson::INCORRECT_TYPE) {
    return Invalid(absl::StrCat("\"", name, "\" is to be a JSON string"));
  }
  if (error) {
    return Invalid(absl::StrCat("\"", name,
                                "\" is not a valid JSON string: ", simdjson::error_message(error)));
  }
  field->assign(text.data(), text.size());
  return absl::OkStatus();
}

absl::Status ReadTime(simdjson::ondemand::value value, v1::Event* event) {
  std::string text;
  absl::Status status = ReadString("Time", value, &text);
  if (!status.ok() || text.empty()) return status;
  wire::EventTime time;
  if (!ParseRfc3339(text, &time)) {
    return Invalid("\"Time\" is to be an RFC 3339 time such as \"2017-12-21T23:26:43.412554192Z\"");
  }
  event->mutable_time()->set_seconds(time.seconds);
  event->mutable_time()->set_nanos(time.nanos);
  return absl::OkStatus();
}

absl::Status ReadMember(absl::string_view name, simdjson::ondemand::value value,
                        UnknownMembers unknown, v1::Event* event) {
  const auto is = [name](absl::string_view known) { return absl::EqualsIgnoreCase(name, known); };
  if (is("Time")) return ReadTime(value, event);
  if (is("Type")) return ReadString("Type", value, event->mutable_type());
  if (is("Action")) return ReadString("Action", value, event->mutable_action());
  if (is("Key")) return ReadString("Key", value, event->mutable_key());
  if (is("Principal")) return ReadString("Principal", value, event->mutable_principal());
  if (is("Object")) return ReadRaw(value, event->mutable_object());
  if (is("Original")) return ReadRaw(value, event->mutable_original());
  if (is("EventId")) return ReadString("EventId", value, event->mutable_event_id());
  if (unknown == UnknownMembers::kIgnore || is("Position")) return absl::OkStatus();
  return Invalid(absl::StrCat("\"", name,
                              "\" is no member of an event: there are Time, Type, Action, Key, "
                              "Principal, Object, Original and EventId"));
}

absl::Status ReadMembers(simdjson::ondemand::object object, UnknownMembers unknown,
                         v1::Event* event) {
  for (auto field : object) {
    std::string_view name;
    simdjson::ondemand::value value;
    if (const auto error = field.unescaped_key().get(name)) return NotJson(error);
    if (const auto error = field.value().get(value)) return NotJson(error);
    absl::Status status =
        ReadMember(absl::string_view(name.data(), name.size()), value, unknown, event);
    if (!status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status RequireTypeAndAction(const v1::Event& event) {
  if (event.type().empty()) {
    return Invalid(R"("Type" is missing: the kind of object, such as "machines")");
  }
  if (event.action().empty()) {
    return Invalid(R"("Action" is missing: what was done to the object, such as "save")");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<v1::Event> ParseEventJson(absl::string_view json, UnknownMembers unknown) {
  static thread_local simdjson::ondemand::parser parser;
  const simdjson::padded_string padded(json.data(), json.size());
  simdjson::ondemand::document document;
  simdjson::ondemand::object object;
  if (const auto error = parser.iterate(padded).get(document)) return NotJson(error);
  if (const auto error = document.get_object().get(object)) return NotJson(error);
  v1::Event event;
  absl::Status status = ReadMembers(object, unknown, &event);
  if (!status.ok()) return status;
  if (document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
    return Invalid("there is something after the JSON object of the event");
  }
  status = RequireTypeAndAction(event);
  if (!status.ok()) return status;
  return event;
}

}  // namespace carillon::client
