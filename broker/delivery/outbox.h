// What waits to be written to one stream: a bounded queue between the dispatcher, which fills it,
// and the stream's writer, which empties it one message at a time.
#ifndef CARILLON_BROKER_DELIVERY_OUTBOX_H_
#define CARILLON_BROKER_DELIVERY_OUTBOX_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/log/event_log.h"

namespace carillon::delivery {

// The events of one block that go to one stream.
struct Deliveries {
  log::EventBlockPtr block;
  // When the block was committed, for the latency metric; InfinitePast if it was read back from the
  // log.
  absl::Time committed_at = absl::InfinitePast();
  // Indices into the block, ascending. Of these three, one that holds little needs no memory of its
  // own, and is no larger for that.
  absl::InlinedVector<uint32_t, 4> events;
  // The ids of the subscriptions that events[i] matched are ids[id_ends[i - 1]] to ids[id_ends[i] -
  // 1]. Both empty for a Watch.
  absl::InlinedVector<uint32_t, 4> id_ends;
  absl::InlinedVector<int64_t, 2> ids;

  // Its share of the block and its ids.
  size_t bytes = 0;

  // Adds event `i` of the block, beyond all added before.
  void AddEvent(uint32_t i) {
    events.push_back(i);
    bytes += block->record(i).size();
  }
  // Adds a subscription that the last added event matched.
  void AddId(int64_t id) {
    ids.push_back(id);
    id_ends.resize(events.size());
    id_ends.back() = static_cast<uint32_t>(ids.size());
    bytes += sizeof(id);
  }
  // If most of the block is events of others: leaves it for one that has these alone.
  void LeaveOthers();
};

// One message to be written: events, or a response that is encoded already.
using OutboxMessage = std::variant<std::vector<Deliveries>, std::string>;

class Outbox {
 public:
  // Budgets in bytes: of everything queued, and of the events that go into one message (which takes
  // whole Deliveries, so it may be exceeded by one).
  // `total` counts the bytes queued in all outboxes that share it; while there are more than
  // `total_max`, none is given more than it has read.
  Outbox(size_t bytes_max, size_t message_bytes_max, std::atomic<int64_t>* total,
         int64_t total_max = std::numeric_limits<int64_t>::max())
      : bytes_max_(bytes_max),
        message_bytes_max_(message_bytes_max),
        total_(total),
        total_max_(total_max) {}
  ~Outbox() { Close(); }

  enum class [[nodiscard]] Verdict{
      kAccepted,
      // Over budget: nothing was added.
      kFull,
  };

  // What events count for beyond their bytes: what it takes to keep them.
  static constexpr size_t kItemBytes = 256;

  // Events. An empty outbox accepts any. What has to wait keeps no more in memory than twice the
  // bytes it counts for.
  Verdict Push(Deliveries deliveries) ABSL_LOCKS_EXCLUDED(mu_);
  // An encoded response. Accepted up to twice the budget: one who never reads is to be cut off, not
  // to grow.
  Verdict PushControl(std::string response) ABSL_LOCKS_EXCLUDED(mu_);

  // The next message, if there is one and no other is being written; then WriteDone must follow.
  std::optional<OutboxMessage> TakeForWriting() ABSL_LOCKS_EXCLUDED(mu_);
  void WriteDone() ABSL_LOCKS_EXCLUDED(mu_);

  // Drops what is queued and accepts nothing any more.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);
  // The same if nothing is queued and no message is being written. False: something is.
  bool CloseIfIdle() ABSL_LOCKS_EXCLUDED(mu_);

  // Messages taken for writing so far.
  int64_t taken() const ABSL_LOCKS_EXCLUDED(mu_);
  // Whether nothing is queued and no message is being written.
  bool idle() const ABSL_LOCKS_EXCLUDED(mu_);
  // Queued bytes; what is being written does not count.
  size_t bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  using Item = std::variant<Deliveries, std::string>;

  void SetBytesLocked(size_t bytes) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const size_t bytes_max_;
  const size_t message_bytes_max_;
  std::atomic<int64_t>* const total_;
  const int64_t total_max_;
  mutable absl::Mutex mu_;
  std::deque<Item> items_ ABSL_GUARDED_BY(mu_);
  size_t bytes_ ABSL_GUARDED_BY(mu_) = 0;
  int64_t taken_ ABSL_GUARDED_BY(mu_) = 0;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_OUTBOX_H_
