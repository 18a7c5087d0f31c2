// The journal: where small appends are made durable, each by one write in place, before they go
// into the store many at a time. LMDB flushes twice for a commit, and writes a handful of pages.
//
// The file "journal" has a fixed size and is written from its beginning again whenever all that it
// holds is in the store. It is a row of frames, all numbers little-endian:
//
//   0  u32  CRC-32 (as zlib has it) of what follows
//   4  u32  bytes of the block
//   8  u32  epoch of the log
//  12  u32  count of the block's event ids
//  16  u64  sequence of the block's first event
//  24       the block, see block_format.h
//      u32  for each of its event ids: the index of the event in the block
//
// The frames that count are those whose sequences go on where the store ends. Those behind them are
// left over from before, and of events that the store has. A frame begins where the one before it
// ends, in the same sector of the disk: writing that one anew must leave its first bytes what they
// were, whatever happens meanwhile.
#ifndef CARILLON_BROKER_STORE_JOURNAL_H_
#define CARILLON_BROKER_STORE_JOURNAL_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::store {

// Not thread-safe.
class Journal {
 public:
  static constexpr size_t kBytes = 1 << 20;

  // Opens the file `path`, or creates it with mode 0600. RESOURCE_EXHAUSTED: no room on the disk.
  static absl::StatusOr<std::unique_ptr<Journal>> Open(const std::string& path, uint32_t epoch);
  ~Journal();
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;

  struct Frame {
    uint64_t first_sequence;
    std::string block;
    // For each event id key of the block: the index of its event.
    std::vector<uint32_t> id_events;
  };
  // What it holds of events from `next_sequence` on, the first that is not in the store; Append
  // goes on behind it. A last frame that was not written whole is not there. FAILED_PRECONDITION:
  // it belongs to another store, or to a later state of this one. DATA_LOSS: it is damaged.
  absl::StatusOr<std::vector<Frame>> Recover(uint64_t next_sequence);

  bool HasRoomFor(size_t block_bytes, size_t id_count) const;
  // On disk when it returns OK. There must be room for it, and its block must be one that
  // BlockView::Parse takes.
  absl::Status Append(const Frame& frame);
  // All that it holds is in the store: Append begins anew.
  void Clear() { end_ = 0; }
  // The same, and on the disk as well there is nothing.
  absl::Status Erase();

 private:
  Journal(int fd, std::string path, uint32_t epoch)
      : fd_(fd), path_(std::move(path)), epoch_(epoch) {}

  // What is wrong if there is a frame that counts in `rest`, which lies behind one that does not.
  absl::Status CheckNothingBehind(absl::string_view rest, uint64_t next_sequence) const;

  const int fd_;
  const std::string path_;
  const uint32_t epoch_;
  // Of the frames that count.
  size_t end_ = 0;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_JOURNAL_H_
