// Reads and writes encoded carillon.v1.Event messages without building message objects. A broker
// that moves a million events a second passes their bytes along; this is how it, and the clients,
// look inside.
//
// All views point into the bytes that were parsed and live as long as those do.
#ifndef CARILLON_WIRE_EVENT_VIEW_H_
#define CARILLON_WIRE_EVENT_VIEW_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"

namespace carillon::wire {

// A google.protobuf.Timestamp: seconds since 1970-01-01T00:00:00Z and nanoseconds after it, 0 to
// 999,999,999.
struct EventTime {
  int64_t seconds = 0;
  int32_t nanos = 0;
};

// The fields of a carillon.v1.Event; absent ones are empty.
struct EventView {
  bool has_time = false;
  EventTime time;
  absl::string_view type;
  absl::string_view action;
  absl::string_view key;
  absl::string_view principal;
  absl::string_view object;
  absl::string_view original;
  absl::string_view event_id;
  absl::string_view position;
};

// Parses an encoded Event. False if it is not valid protobuf; strings are not checked for UTF-8.
[[nodiscard]] bool ParseEvent(absl::string_view encoded, EventView* event);

// Splits an encoded message into the payloads of one repeated, length-delimited field, in order,
// passing over all others. False if the message is not valid protobuf.
[[nodiscard]] bool SplitRepeated(absl::string_view message, uint32_t field_number,
                                 std::vector<absl::string_view>* payloads);

// Parses a packed or unpacked `repeated int64` field of an encoded message, adding to `values`.
// False if the message is not valid protobuf.
[[nodiscard]] bool ParseRepeatedInt64(absl::string_view message, uint32_t field_number,
                                      std::vector<int64_t>* values);

// Every position token is this long, in bytes.
inline constexpr size_t kPositionSize = 16;

// Appends `event` as a record: a `repeated Event events = 1` element with its tag and length, so
// that records laid end to end are an encoded EventBatch. The position comes first within it,
// kPositionSize bytes of it, to be filled in by SetRecordPosition; event.position is ignored.
// Returns the record's size.
size_t AppendEventRecord(const EventView& event, std::string* out);

// Fills in the position of a record made by AppendEventRecord. `position` has kPositionSize bytes.
void SetRecordPosition(char* record, absl::string_view position);

// The encoded Event within a record, without tag and length.
absl::string_view EventOfRecord(absl::string_view record);

// The size of the first record in `records`, tag and length included; 0 if there is no whole one.
size_t FirstRecordSize(absl::string_view records);

}  // namespace carillon::wire

#endif  // CARILLON_WIRE_EVENT_VIEW_H_
