// Events on their way into the log's tables, in one transaction.
#ifndef CARILLON_BROKER_STORE_BLOCK_APPENDER_H_
#define CARILLON_BROKER_STORE_BLOCK_APPENDER_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "broker/log/event_log.h"
#include "broker/store/block_format.h"
#include "broker/store/environment.h"
#include "broker/store/events_table.h"
#include "broker/store/pending_blocks.h"
#include "broker/store/tables.h"

namespace carillon::store {

class BlockAppender {
 public:
  // `end`: of what the tables hold. `txn` and `tables` must outlive it.
  BlockAppender(Transaction* txn, const Tables& tables, uint32_t epoch, absl::Time now, Place end);

  // Before the first Add.
  absl::Status AddPending(const PendingBlock& block);
  absl::Status Add(const log::NewEvent& event, log::AppendOutcome* outcome);
  // Puts what was gathered of a block into the log.
  absl::Status Flush();

  Place end() const { return end_; }
  // Those of the events that were added.
  std::vector<log::EventBlockPtr> TakeBlocks() { return std::move(blocks_); }

 private:
  // Notes the id for the next sequence, unless it is there already.
  absl::Status ClaimId(const std::string& id_key, log::AppendOutcome* outcome);

  Transaction* const txn_;
  const Tables& tables_;
  Cursor events_;
  Cursor event_ids_;
  const uint32_t epoch_;
  const absl::Time now_;
  // Of what was flushed.
  Place end_;
  std::optional<BlockBuilder> builder_;
  std::vector<log::EventBlockPtr> blocks_;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_BLOCK_APPENDER_H_
