// Events looked into by hand beside Protocol Buffers' own parser.
#include <string>
#include <vector>

#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/event_view.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace carillon::wire {
namespace {

using fuzz::Require;

void CheckEvent(absl::string_view encoded) {
  EventView view;
  const bool valid = ParseEvent(encoded, &view);
  v1::Event event;
  // Refuses what is not UTF-8, too.
  if (!event.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) return;
  Require(valid, "what Protocol Buffers takes is taken");
  Require(view.has_time == event.has_time(), "has_time");
  Require(view.time.seconds == event.time().seconds(), "seconds");
  Require(view.time.nanos == event.time().nanos(), "nanos");
  Require(view.type == event.type(), "type");
  Require(view.action == event.action(), "action");
  Require(view.key == event.key(), "key");
  Require(view.principal == event.principal(), "principal");
  Require(view.object == event.object(), "object");
  Require(view.original == event.original(), "original");
  Require(view.event_id == event.event_id(), "event_id");
  Require(view.position == event.position(), "position");

  std::string record;
  Require(AppendEventRecord(view, &record) == record.size(), "the size of the record");
  Require(FirstRecordSize(record) == record.size(), "the record is whole");
  const std::string position(kPositionSize, 'p');
  SetRecordPosition(record.data(), position);
  v1::EventBatch batch;
  Require(batch.ParseFromString(record) && batch.events_size() == 1, "a record is a batch of one");
  event.set_position(position);
  event.DiscardUnknownFields();
  Require(batch.events(0).SerializeAsString() == event.SerializeAsString(), "of the same event");
}

void CheckBatch(absl::string_view encoded) {
  std::vector<absl::string_view> events;
  const bool valid = SplitRepeated(encoded, 1, &events);
  v1::EventBatch batch;
  if (!batch.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) return;
  Require(valid, "what Protocol Buffers takes is split");
  Require(events.size() == static_cast<size_t>(batch.events_size()), "into as many");
}

void CheckMatches(absl::string_view encoded) {
  std::vector<int64_t> ids;
  const bool valid = ParseRepeatedInt64(encoded, v1::Matches::kSubscriptionIdsFieldNumber, &ids);
  v1::Matches matches;
  if (!matches.ParseFromArray(encoded.data(), static_cast<int>(encoded.size()))) return;
  Require(valid, "what Protocol Buffers takes is parsed");
  Require(ids == std::vector<int64_t>(matches.subscription_ids().begin(),
                                      matches.subscription_ids().end()),
          "the ids");
}

// The records of a stream that may be cut anywhere.
void WalkRecords(absl::string_view records) {
  while (const size_t size = FirstRecordSize(records)) {
    Require(size <= records.size(), "a record is within the records");
    EventView view;
    static_cast<void>(ParseEvent(EventOfRecord(records.substr(0, size)), &view));
    records.remove_prefix(size);
  }
}

}  // namespace
}  // namespace carillon::wire

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view bytes = carillon::fuzz::TextOf(data, size);
  carillon::wire::CheckEvent(bytes);
  carillon::wire::CheckBatch(bytes);
  carillon::wire::CheckMatches(bytes);
  carillon::wire::WalkRecords(bytes);
  return 0;
}
