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
// The frames that count are those whose sequences go on where the store ends. What lies behind them
// is left over from before.
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
  // goes on behind it. FAILED_PRECONDITION: events between are missing, so that it does not belong
  // to this state of the store.
  absl::StatusOr<std::vector<Frame>> Recover(uint64_t next_sequence);

  bool HasRoomFor(size_t block_bytes, size_t id_count) const;
  // On disk when it returns OK. There must be room for it, and its block must be one that
  // BlockView::Parse takes.
  absl::Status Append(const Frame& frame);
  // All that it holds is in the store.
  void Clear() { end_ = 0; }

 private:
  Journal(int fd, std::string path, uint32_t epoch)
      : fd_(fd), path_(std::move(path)), epoch_(epoch) {}

  const int fd_;
  const std::string path_;
  const uint32_t epoch_;
  // Of the frames that count.
  size_t end_ = 0;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_JOURNAL_H_
