// The blocks that are in the journal and not yet in the store, and their event ids.
#ifndef CARILLON_BROKER_STORE_PENDING_BLOCKS_H_
#define CARILLON_BROKER_STORE_PENDING_BLOCKS_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "broker/store/block_format.h"
#include "broker/store/journal.h"

namespace carillon::store {

// Immutable and shared, as it is read and stored while others are added.
struct PendingBlock {
  // DATA_LOSS: the frame is damaged.
  static absl::StatusOr<std::shared_ptr<const PendingBlock>> Make(Journal::Frame frame);

  std::string value;
  // Of `value`.
  BlockView view;
  // The key and the sequence of each event that has an id.
  std::vector<std::pair<std::string, uint64_t>> ids;
};

using PendingBlockPtr = std::shared_ptr<const PendingBlock>;

// Not thread-safe.
class PendingBlocks {
 public:
  // Of what they take in the journal, nearly.
  size_t bytes() const { return bytes_; }

  // `block` goes on where the last one ends.
  void Add(PendingBlockPtr block);
  // The sequence of an event id key; 0: there is none such.
  uint64_t Find(absl::string_view id_key) const;
  // All of them, in order.
  std::vector<PendingBlockPtr> All() const { return {blocks_.begin(), blocks_.end()}; }
  // Those from event `sequence` on, as many as are needed for `bytes` of records.
  std::vector<PendingBlockPtr> From(uint64_t sequence, size_t bytes) const;
  // The store has them.
  void RemoveBefore(uint64_t sequence);

 private:
  std::deque<PendingBlockPtr> blocks_;
  size_t bytes_ = 0;
  // The keys point into the blocks.
  absl::flat_hash_map<absl::string_view, uint64_t> ids_;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_PENDING_BLOCKS_H_
