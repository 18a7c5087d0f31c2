// The durable, ordered log of events: what is in it has happened, what is not has not.
#ifndef CARILLON_BROKER_LOG_EVENT_LOG_H_
#define CARILLON_BROKER_LOG_EVENT_LOG_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace carillon::log {

// An event on its way into the log. The views belong to the caller.
struct NewEvent {
  // Made by wire::AppendEventRecord; its position is still to be filled in.
  absl::string_view record;
  // Who publishes: event ids of different publishers never meet. At most 256 bytes.
  absl::string_view publisher;
  // At most 128 bytes; empty: none.
  absl::string_view event_id;
};

// What became of it.
struct AppendOutcome {
  uint64_t sequence = 0;
  // It was there already, at `sequence`, under its event id.
  bool duplicate = false;
};

// A run of consecutive events in one allocation, immutable and shared by all readers.
class EventBlock {
 public:
  // `records` are event records laid end to end, positions filled in; `ends[i]` is where record i
  // ends.
  EventBlock(uint64_t first_sequence, std::string records, std::vector<uint32_t> ends)
      : first_sequence_(first_sequence), records_(std::move(records)), ends_(std::move(ends)) {}

  size_t size() const { return ends_.size(); }
  size_t bytes() const { return records_.size(); }
  uint64_t first_sequence() const { return first_sequence_; }
  uint64_t last_sequence() const { return first_sequence_ + ends_.size() - 1; }

  // A `repeated Event events = 1` element, tag and length included.
  absl::string_view record(size_t i) const {
    const size_t begin = i == 0 ? 0 : ends_[i - 1];
    return absl::string_view(records_).substr(begin, ends_[i] - begin);
  }

 private:
  const uint64_t first_sequence_;
  const std::string records_;
  const std::vector<uint32_t> ends_;
};

using EventBlockPtr = std::shared_ptr<const EventBlock>;

// Which events the log holds: sequences first to last, both included; none if last < first.
struct LogBounds {
  uint64_t first_sequence = 1;
  uint64_t last_sequence = 0;
  // Bytes of the records held.
  uint64_t record_bytes = 0;
};

// How much the log keeps. Whatever is beyond either limit may go.
struct Retention {
  absl::Duration age_max = absl::InfiniteDuration();
  uint64_t bytes_max = UINT64_MAX;
};

class EventLog {
 public:
  virtual ~EventLog() = default;

  // Names this log, and so its positions: a random number drawn when the log was created. Any
  // thread.
  virtual uint32_t epoch() const = 0;

  // Any thread.
  virtual LogBounds bounds() const = 0;

  // Appends all events, and returns when they are on disk; all or none.
  // `outcomes` has one element for each event. Adds the blocks that hold the new events (no
  // duplicates) to `committed`, in order; their positions are filled in. `now` is kept for
  // retention by age. RESOURCE_EXHAUSTED: disk or log space used up; nothing was changed and a
  // later call may succeed. One thread at a time.
  virtual absl::Status Append(absl::Span<const NewEvent> events, absl::Time now,
                              absl::Span<AppendOutcome> outcomes,
                              std::vector<EventBlockPtr>* committed) = 0;

  // Reads events after `after` (a sequence; 0 reads from the start), at least one, as many as fit
  // in about `bytes_hint`. Null: there are none yet. OUT_OF_RANGE: event after + 1 has been
  // trimmed. Any thread, also during Append.
  virtual absl::StatusOr<EventBlockPtr> Read(uint64_t after, size_t bytes_hint) const = 0;

  // Whether TrimStep has something to do for which appends will have to wait if it is not done
  // soon. Any thread.
  virtual bool WantsTrimStep() const { return false; }

  // Removes a bounded number of the oldest events beyond `retention`, with their event ids. True:
  // there is more to remove. Whatever else the log has to do now and then is done here too, and an
  // error may be about that: nothing is lost, and the next call tries what can be tried again. One
  // thread at a time, also during Append.
  virtual absl::StatusOr<bool> TrimStep(const Retention& retention, absl::Time now) = 0;
};

}  // namespace carillon::log

#endif  // CARILLON_BROKER_LOG_EVENT_LOG_H_
