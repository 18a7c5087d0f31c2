#include "broker/ingest/check_batch.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "broker/ingest/check_event.h"
#include "carillon/wire/error.h"
#include "carillon/wire/event_view.h"

namespace carillon::ingest {
namespace {

// PublishRequest.events and PublishStreamRequest.events.
constexpr uint32_t kEventsField = 1;
// What a record has beyond the event in the request, but for the principal: tag and length,
// position, time.
constexpr size_t kRecordOverhead = 48;

}  // namespace

absl::StatusOr<CheckedBatch> CheckBatch(absl::string_view encoded_request, absl::string_view caller,
                                        const access::Scope& scope, const IngestLimits& limits,
                                        absl::Time now) {
  std::vector<absl::string_view> events;
  if (!wire::SplitRepeated(encoded_request, kEventsField, &events)) {
    return wire::Error(absl::StatusCode::kInvalidArgument, "REQUEST_MALFORMED",
                       "the request is not a valid protobuf message");
  }
  if (events.empty()) {
    return wire::FieldError("events", "must hold at least one event");
  }
  if (events.size() > limits.events_per_batch_max) {
    return wire::FieldError("events", absl::StrCat("holds ", events.size(), " events; at most ",
                                                   limits.events_per_batch_max, " are allowed"));
  }
  CheckedBatch batch;
  batch.accepted.reserve(events.size());
  batch.records.reserve(encoded_request.size() + events.size() * (kRecordOverhead + caller.size()));
  EventChecker checker(caller, scope, limits, now);
  for (uint32_t i = 0; i < events.size(); ++i) {
    wire::EventView event;
    if (!wire::ParseEvent(events[i], &event)) {
      return wire::Error(absl::StatusCode::kInvalidArgument, "REQUEST_MALFORMED",
                         absl::StrCat("events[", i, "] is not a valid protobuf message"));
    }
    absl::Status status = checker.Check(i, &event);
    if (!status.ok()) {
      batch.refused.push_back({i, std::move(status)});
      continue;
    }
    const uint32_t offset = static_cast<uint32_t>(batch.records.size());
    const size_t size = wire::AppendEventRecord(event, &batch.records);
    batch.accepted.push_back(
        {i, offset, static_cast<uint32_t>(size), static_cast<uint32_t>(event.event_id.size())});
  }
  return batch;
}

}  // namespace carillon::ingest
