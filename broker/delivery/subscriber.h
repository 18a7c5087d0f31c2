// One stream that receives events, as its gRPC side and the dispatcher share it.
#ifndef CARILLON_BROKER_DELIVERY_SUBSCRIBER_H_
#define CARILLON_BROKER_DELIVERY_SUBSCRIBER_H_

#include <atomic>
#include <cstdint>
#include <deque>
#include <limits>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/access/session.h"
#include "broker/delivery/outbox.h"

namespace carillon::delivery {

// The gRPC side of a stream. Called by the dispatcher; must not block.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  // The outbox has something; called again after everything that was put in.
  virtual void OnOutboxFilled() = 0;
  // A command was carried out: the next may come.
  virtual void OnCommandDone() = 0;
  // Nothing more is put into the outbox: the stream is to end with OK when all of it was written.
  virtual void OnComplete() = 0;
  // The stream is to end with this status; what was queued is dropped.
  virtual void OnEnd(const absl::Status& status) = 0;
  // The end has waited long enough for a client that does not read.
  virtual void OnCutOff() = 0;
};

enum class StreamKind { kSubscribe, kWatch };

class Subscriber {
 public:
  Subscriber(StreamKind stream_kind, access::SessionPtr own_session, StreamWriter* writer,
             size_t outbox_bytes_max, size_t message_bytes_max,
             std::atomic<int64_t>* outbox_bytes_total,
             int64_t outbox_bytes_total_max = std::numeric_limits<int64_t>::max())
      : kind(stream_kind),
        session(std::move(own_session)),
        outbox(outbox_bytes_max, message_bytes_max, outbox_bytes_total, outbox_bytes_total_max),
        writer_(writer) {}

  const StreamKind kind;
  // The caller's own.
  const access::SessionPtr session;
  // Any thread.
  Outbox outbox;

  // Set while the dispatcher waits for room in the outbox to go on with catching up: the writer
  // then tells it when no more than `room_below` bytes are queued.
  std::atomic<bool> wants_room{false};
  std::atomic<size_t> room_below{0};
  bool HasWantedRoom() const { return wants_room.load() && outbox.bytes() <= room_below.load(); }

  void TellFilled() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (writer_ != nullptr) writer_->OnOutboxFilled();
  }
  void TellCommandDone() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (writer_ != nullptr) writer_->OnCommandDone();
  }
  void TellComplete() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (writer_ != nullptr) writer_->OnComplete();
  }
  void TellEnd(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (writer_ != nullptr) writer_->OnEnd(status);
  }
  void TellCutOff() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (writer_ != nullptr) writer_->OnCutOff();
  }
  // After this the writer is not called any more.
  void Detach() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    writer_ = nullptr;
  }

  // The rest belongs to the thread that dispatches.
  enum class State {
    // StartDelivery is still to come.
    kWaiting,
    // Reads the log from `cursor` on.
    kCatchingUp,
    // Receives what is committed.
    kLive,
    // Has reached `until`; what is queued is still to be written.
    kComplete,
    // Over; receives nothing.
    kEnded,
  };
  static constexpr uint64_t kNoEnd = std::numeric_limits<uint64_t>::max();
  struct DispatcherSide {
    State state = State::kWaiting;
    // Catching up: everything up to here has been looked at. While live the dispatcher's own place
    // counts.
    uint64_t cursor = 0;
    // The last event it is to look at. One with an end reads the log up to it and is never live.
    uint64_t until = kNoEnd;
    // The sessions of a facade's users, and the scopes, by which its subscriptions go, by their
    // ids, if it has an end or has not begun. When one changes the stream cannot be complete.
    struct Reader {
      std::weak_ptr<access::Session> session;
      access::ScopePtr scope;
    };
    absl::flat_hash_map<int64_t, Reader> readers;
    // A read of the log is under way.
    bool reading = false;
    // The last place the client was told of, in events or progress.
    uint64_t told = 0;
    // Slots of its subscriptions by their ids.
    absl::flat_hash_map<int64_t, uint32_t> slots;
    // What they count for of filter_bytes_per_stream_max.
    size_t filter_bytes = 0;
    // Those added while it caught up: they begin, and are answered, where the dispatcher was then,
    // so that the client finds the answer between the events before and after. By their ids, and in
    // the order of their places.
    struct Awaited {
      uint64_t place;
      // NewSubscription.after.
      uint64_t after;
    };
    struct AwaitedPlace {
      uint64_t place;
      int64_t id;
    };
    absl::flat_hash_map<int64_t, Awaited> awaited;
    std::deque<AwaitedPlace> awaited_in_order;
    // Messages the writer had taken when it last took one, and since when it takes none although
    // there is something for it.
    int64_t taken = 0;
    absl::Time stalled_since = absl::InfiniteFuture();
    // Ended, and the writer has been given one tick to say so.
    bool end_overdue = false;
    // What the block in hand has for it.
    Deliveries staged;

    // Nothing more may be put into the outbox.
    bool IsOver() const { return state == State::kComplete || state == State::kEnded; }
  };
  DispatcherSide dispatcher_side;

 private:
  absl::Mutex mu_;
  StreamWriter* writer_ ABSL_GUARDED_BY(mu_);
};

using SubscriberPtr = std::shared_ptr<Subscriber>;

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_SUBSCRIBER_H_
