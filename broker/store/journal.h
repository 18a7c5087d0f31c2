// The journal: where small appends are made durable, each by one write in place, before they go
// into the store many at a time. LMDB flushes twice for a commit, and writes a handful of pages.
//
// The file "journal" has a fixed size and two halves. Each is a row of frames, all numbers
// little-endian:
//
//   0  u32  CRC-32 (as zlib has it) of what follows
//   4  u32  bytes of the block
//   8  u32  epoch of the log
//  12  u32  count of the block's event ids
//  16  u64  sequence of the block's first event
//  24       the block, see block_format.h
//      u32  for each of its event ids: the index of the event in the block
//
// When a half is full, or the store has taken events of its own meanwhile, the other is written
// from its beginning again, if the store has got all that is in it by then: so appends go on while
// the store gets what they left behind.
//
// The frames that count are those whose sequences go on where the store ends. The others are left
// over from before, and of events that the store has. A frame begins where the one before it ends,
// in the same sector of the disk: writing the sector anew must leave its first bytes what they
// were, whatever happens meanwhile.
#ifndef CARILLON_BROKER_STORE_JOURNAL_H_
#define CARILLON_BROKER_STORE_JOURNAL_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::store {

// Not thread-safe.
class Journal {
 public:
  static constexpr size_t kHalfBytes = 512 << 10;
  static constexpr size_t kBytes = 2 * kHalfBytes;

  // Opens the file `path`, or creates it with mode 0600. RESOURCE_EXHAUSTED: no room on the disk.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& path, uint32_t epoch);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  struct Frame {
    uint64_t first_sequence;
    // Of the first event behind the block.
    uint64_t next_sequence;
    std::string block;
    // For each event id key of the block: the index of its event.
    std::vector<uint32_t> id_events;
  };
  // What it holds of events from `stored_end` on, the first that is not in the store; Append
  // goes on behind it. A last frame that was not written whole is not there. FAILED_PRECONDITION:
  // it belongs to another store, or to a later state of this one. DATA_LOSS: it is damaged.
  absl::StatusOr<std::vector<Frame>> Recover(uint64_t stored_end);

  // Whether there is room for a frame with the events from `first_sequence` on, now that the store
  // has those before `stored_end`.
  bool HasRoomFor(uint64_t first_sequence, size_t block_bytes, size_t id_count,
                  uint64_t stored_end) const;
  // On disk when it returns OK. There must be room for it, and its block must be one that
  // BlockView::Parse takes. If it does not go on where the last frame ends, the store must have all
  // that is before it.
  absl::Status Append(const Frame& frame, uint64_t stored_end);
  // The store has all that it holds: on the disk there is nothing any more.
  absl::Status Erase();

 private:
  struct Half {
    // Of its row of frames.
    size_t bytes = 0;
    // Of the first event behind them.
    uint64_t next_sequence = 0;
  };

  Journal(int fd, std::string path, uint32_t epoch)
      : fd_(fd), path_(std::move(path)), epoch_(epoch) {}

  // A half as it lies on the disk.
  struct Row {
    Half half;
    // Those that count.
    std::vector<Frame> frames;
    absl::string_view rest;
  };

  // Of what `bytes` begin with.
  absl::StatusOr<Row> ReadRow(absl::string_view bytes, uint64_t stored_end) const;
  // What is wrong if there is a frame in `rest` with events from `next_sequence` on, which nothing
  // before it leads to.
  absl::Status CheckNothingBehind(absl::string_view rest, uint64_t next_sequence) const;
  // The index of the half that has room for a frame of this size. Nothing: neither has.
  std::optional<size_t> HalfFor(uint64_t first_sequence, uint64_t frame_bytes,
                                uint64_t stored_end) const;

  const int fd_;
  const std::string path_;
  const uint32_t epoch_;
  std::array<Half, 2> halves_;
  // Which of them is written.
  size_t current_ = 0;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_JOURNAL_H_
