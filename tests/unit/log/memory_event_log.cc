#include "tests/unit/log/memory_event_log.h"

#include <limits>

#include "broker/log/position.h"
#include "carillon/wire/event_view.h"

namespace carillon::log {

LogBounds MemoryEventLog::bounds() const {
  absl::MutexLock lock(&mu_);
  return {next_sequence_ - events_.size(), next_sequence_ - 1, bytes_};
}

absl::Status MemoryEventLog::Append(absl::Span<const NewEvent> events, absl::Time now,
                                    absl::Span<AppendOutcome> outcomes,
                                    std::vector<EventBlockPtr>* committed) {
  for (const NewEvent& event : events) {
    if (event.publisher.size() > 256 || event.event_id.size() > 128) {
      return absl::InvalidArgumentError("publisher or event id too long");
    }
  }
  absl::MutexLock lock(&mu_);
  const uint64_t first_sequence = next_sequence_;
  for (size_t i = 0; i < events.size(); ++i) {
    const IdKey id(events[i].publisher, events[i].event_id);
    if (!id.second.empty()) {
      const auto [known, is_new] = ids_.emplace(id, next_sequence_);
      outcomes[i] = {known->second, !is_new};
      if (!is_new) continue;
    }
    outcomes[i] = {next_sequence_, false};
    std::string record(events[i].record);
    const PositionText position = EncodePosition({epoch_, next_sequence_});
    wire::SetRecordPosition(record.data(), absl::string_view(position.data(), position.size()));
    bytes_ += record.size();
    events_.emplace(next_sequence_++, Event{std::move(record), id, now});
  }
  if (next_sequence_ > first_sequence) {
    committed->push_back(BlockLocked(first_sequence, std::numeric_limits<size_t>::max()));
  }
  return absl::OkStatus();
}

absl::StatusOr<EventBlockPtr> MemoryEventLog::Read(uint64_t after, size_t bytes_hint) const {
  absl::MutexLock lock(&mu_);
  if (after >= next_sequence_ - 1) return nullptr;
  if (events_.count(after + 1) == 0) return absl::OutOfRangeError("trimmed");
  return BlockLocked(after + 1, bytes_hint);
}

EventBlockPtr MemoryEventLog::BlockLocked(uint64_t first_sequence, size_t bytes_max) const {
  std::string records;
  std::vector<uint32_t> ends;
  for (auto event = events_.find(first_sequence); event != events_.end(); ++event) {
    const std::string& record = event->second.record;
    if (!ends.empty() && record.size() > bytes_max - records.size()) break;
    records += record;
    ends.push_back(static_cast<uint32_t>(records.size()));
    if (records.size() >= bytes_max) break;
  }
  return std::make_shared<EventBlock>(first_sequence, std::move(records), std::move(ends));
}

bool MemoryEventLog::OldestMayGoLocked(const Retention& retention, absl::Time now) const {
  if (events_.empty()) return false;
  const Event& oldest = events_.begin()->second;
  return now - oldest.commit_time > retention.age_max ||
         bytes_ - oldest.record.size() >= retention.bytes_max;
}

absl::StatusOr<bool> MemoryEventLog::TrimStep(const Retention& retention, absl::Time now) {
  absl::MutexLock lock(&mu_);
  for (int i = 0; i < 100 && OldestMayGoLocked(retention, now); ++i) {
    const Event& oldest = events_.begin()->second;
    bytes_ -= oldest.record.size();
    ids_.erase(oldest.id);
    events_.erase(events_.begin());
  }
  return OldestMayGoLocked(retention, now);
}

}  // namespace carillon::log
