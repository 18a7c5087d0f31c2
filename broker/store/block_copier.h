// Copies events out of consecutive blocks of the log.
#ifndef CARILLON_BROKER_STORE_BLOCK_COPIER_H_
#define CARILLON_BROKER_STORE_BLOCK_COPIER_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "broker/log/event_log.h"
#include "broker/store/block_format.h"

namespace carillon::store {

class BlockCopier {
 public:
  // Events from `first_sequence` on, as many as fit in `bytes_max`.
  BlockCopier(uint64_t first_sequence, size_t bytes_max);

  void Reserve(uint64_t bytes);
  // Takes what fits, and one event at least if there is none yet. True: there is room for more.
  // DATA_LOSS: the next event is not in `block`, or its place in it is not known.
  absl::StatusOr<bool> Take(const BlockView& block);
  log::EventBlockPtr Finish();

 private:
  uint64_t next_sequence_;
  const size_t bytes_max_;
  const uint64_t first_sequence_;
  std::string records_;
  std::vector<uint32_t> ends_;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_BLOCK_COPIER_H_
