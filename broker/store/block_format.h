// How a block of consecutive events lies in the journal, and in the table "events": one value,
// under the sequence of its first event. ARCHITECTURE.md, "The store", specifies it; all numbers
// are little-endian:
//
//   0  u8   version, 1
//   1  u8   0, three times
//   4  u32  count of events, at least 1
//   8  i64  commit time, microseconds since 1970-01-01T00:00:00Z
//  16  u64  bytes of all records appended to this log before this block
//  24  u32  bytes of the records
//  28  u32  bytes of the event id keys
//  32  u32  for each event: where its record ends
//      the records, end to end, positions filled in
//      the event id keys, each a u16 size and as many bytes, in the order of their events
#ifndef CARILLON_BROKER_STORE_BLOCK_FORMAT_H_
#define CARILLON_BROKER_STORE_BLOCK_FORMAT_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/log/event_log.h"
#include "broker/log/position.h"

namespace carillon::store {

// A block in the store, checked when it was parsed. Points into the value.
class BlockView {
 public:
  // DATA_LOSS if `value` is not a block that `first_sequence` can begin, or of a version that is
  // not known here.
  static absl::StatusOr<BlockView> Parse(uint64_t first_sequence, absl::string_view value);

  uint64_t first_sequence() const { return first_sequence_; }
  uint64_t next_sequence() const { return first_sequence_ + count_; }
  uint32_t count() const { return count_; }
  absl::Time commit_time() const { return commit_time_; }
  // Bytes of all records before this block, and with it.
  uint64_t begin_offset() const { return begin_offset_; }
  uint64_t end_offset() const { return begin_offset_ + records_.size(); }
  // The records of this block, end to end.
  absl::string_view records() const { return records_; }
  // Where the record of event i of this block begins in records(); i may be count().
  uint32_t record_begin(uint32_t i) const;
  // Copies of the event id keys, in the order of their events.
  absl::StatusOr<std::vector<std::string>> EventIdKeys() const;

 private:
  uint64_t first_sequence_ = 0;
  uint32_t count_ = 0;
  absl::Time commit_time_;
  uint64_t begin_offset_ = 0;
  absl::string_view ends_;
  absl::string_view records_;
  absl::string_view id_keys_;
};

// Gathers consecutive events into a block.
class BlockBuilder {
 public:
  // The value of a block fills 16 pages of LMDB, less their header, if no single event is larger.
  static constexpr size_t kValueBytesMax = 16 * 4096 - 16;

  // The first event gets position.sequence.
  explicit BlockBuilder(log::Position first) : first_(first) {}

  // What a block of one such event takes; a block of several takes less than their sum.
  static size_t SizeOf(absl::string_view record, absl::string_view publisher,
                       absl::string_view event_id);

  bool empty() const { return ends_.empty(); }
  bool HasRoomFor(absl::string_view record, absl::string_view id_key) const;
  // `id_key` from EventIdKey; empty: none.
  void Add(absl::string_view record, absl::string_view id_key);

  uint64_t first_sequence() const { return first_.sequence; }
  uint64_t next_sequence() const { return first_.sequence + ends_.size(); }
  size_t record_bytes() const { return records_.size(); }

  size_t value_bytes() const;
  // Writes value_bytes() bytes.
  void WriteTo(char* value, absl::Time commit_time, uint64_t begin_offset) const;
  // The block as readers get it. Leaves the builder useless.
  log::EventBlockPtr Finish();

 private:
  const log::Position first_;
  std::string records_;
  std::vector<uint32_t> ends_;
  std::string id_keys_;
};

// The key of an event id in the table "event_ids": the publisher's size (u16, big-endian), the
// publisher, the event id. Ids of one publisher lie together, in their own order.
std::string EventIdKey(absl::string_view publisher, absl::string_view event_id);

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_BLOCK_FORMAT_H_
