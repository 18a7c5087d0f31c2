// The JSON form of events, as the websocket protocol and the command line use it:
//   {"Time":"2017-12-21T23:26:43.412554192Z","Type":"profiles","Action":"save","Key":"global",
//    "Principal":"fred","Object":{…},"Original":{…}}
#ifndef CARILLON_CLIENT_EVENT_JSON_H_
#define CARILLON_CLIENT_EVENT_JSON_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/event.pb.h"
#include "carillon/wire/event_view.h"

namespace carillon::client {

// Appends `event` as one JSON object without a line end. Time is RFC 3339 in UTC with up to nine
// fractional digits, trailing zeros dropped; 0001-01-01T00:00:00Z for an event without one.
// Principal and Original are left out when empty; Object is null when empty; object and original
// are copied verbatim. Event ids and positions are not part of it.
void AppendEventJson(const wire::EventView& event, std::string* out);

// Appends `time` as in the JSON of an event, without quotes. Times outside the years 0001 to 9999
// come out as the nearest within.
void AppendRfc3339(const wire::EventTime& time, std::string* out);

// Appends `text` as a JSON string with its quotes: '"', '\' and control characters are escaped, all
// else is copied. `text` is UTF-8.
void AppendJsonString(absl::string_view text, std::string* out);

enum class UnknownMembers {
  kIgnore,
  // Nothing that its author wrote is lost unseen: a misspelt name is an error.
  kRefuse,
};

// Reads one event from such a JSON object. Member names in any case, of repeated ones the last (as
// Go's encoding/json takes them); object and original keep their text verbatim, and whether that is
// valid JSON is left for the broker to judge; an Object of null is an absent one. Also reads
// "EventId", and passes over "Position". Time may be absent, and have any offset; Type and Action
// may not. INVALID_ARGUMENT with a message that says what is wrong and what would be right.
absl::StatusOr<v1::Event> ParseEventJson(absl::string_view json,
                                         UnknownMembers unknown = UnknownMembers::kIgnore);

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_EVENT_JSON_H_
