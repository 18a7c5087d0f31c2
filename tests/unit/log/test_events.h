// Events for tests of the log.
#ifndef CARILLON_TESTS_UNIT_LOG_TEST_EVENTS_H_
#define CARILLON_TESTS_UNIT_LOG_TEST_EVENTS_H_

#include <deque>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "broker/log/event_log.h"
#include "carillon/wire/event_view.h"

namespace carillon::log {

inline std::string MakeRecord(absl::string_view key, absl::string_view event_id = "",
                              absl::string_view object = "{}") {
  wire::EventView event;
  event.type = "machines";
  event.action = "save";
  event.key = key;
  event.object = object;
  event.event_id = event_id;
  std::string record;
  wire::AppendEventRecord(event, &record);
  return record;
}

// The event in a record; its views point into `record`.
inline wire::EventView ParseRecord(absl::string_view record) {
  wire::EventView event;
  if (!wire::ParseEvent(wire::EventOfRecord(record), &event)) event.key = "not an event";
  return event;
}

// NewEvents together with what they point to.
class TestEvents {
 public:
  TestEvents& Add(absl::string_view key, absl::string_view event_id = "",
                  absl::string_view publisher = "fred", absl::string_view object = "{}") {
    ids_.emplace_back(event_id);
    publishers_.emplace_back(publisher);
    records_.push_back(MakeRecord(key, event_id, object));
    events_.push_back({records_.back(), publishers_.back(), ids_.back()});
    return *this;
  }

  size_t size() const { return events_.size(); }
  absl::Span<const NewEvent> get() const { return events_; }

 private:
  // Deques, as views into their elements must stay good.
  std::deque<std::string> ids_, publishers_, records_;
  std::vector<NewEvent> events_;
};

// The keys of a block's events.
inline std::vector<std::string> KeysOf(const EventBlock& block) {
  std::vector<std::string> keys;
  for (size_t i = 0; i < block.size(); ++i) keys.emplace_back(ParseRecord(block.record(i)).key);
  return keys;
}

}  // namespace carillon::log

#endif  // CARILLON_TESTS_UNIT_LOG_TEST_EVENTS_H_
