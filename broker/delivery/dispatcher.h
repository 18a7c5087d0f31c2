// Brings committed events to the streams that want them.
#ifndef CARILLON_BROKER_DELIVERY_DISPATCHER_H_
#define CARILLON_BROKER_DELIVERY_DISPATCHER_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/access/session.h"
#include "broker/access/stream_places.h"
#include "broker/delivery/log_reader.h"
#include "broker/delivery/subscriber.h"
#include "broker/delivery/subscription_table.h"
#include "broker/log/committer.h"
#include "broker/log/event_log.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::delivery {

struct DispatcherOptions {
  // Committed events that may wait for the dispatcher; beyond it the committer, and so publishers,
  // wait.
  size_t queue_bytes_max = 64 << 20;
  // What may wait to be written to one stream; beyond it the stream catches up from the log.
  size_t outbox_bytes_max = 8 << 20;
  // What may wait to be written to all streams; beyond it each catches up, a read at a time.
  int64_t outboxes_bytes_max = int64_t{1} << 30;
  // Events put into one message.
  size_t message_bytes_max = 256 << 10;
  // The newest events, kept in memory for streams that have nearly caught up.
  size_t recent_bytes_max = 8 << 20;
  // How much of the log is read at a time for a stream that catches up.
  size_t read_bytes = 256 << 10;
  size_t streams_max = 10'000;
  size_t subscriptions_per_stream_max = 1'000'000;
  // Encoded filters, and kSubscriptionBytes for each. In memory they may take many times as much.
  size_t filter_bytes_per_stream_max = 256 << 20;
  size_t filter_bytes_max = size_t{1} << 30;
  absl::Duration progress_interval = absl::Seconds(5);
  // A stream whose client takes nothing for so long although something waits for it is ended. Seen
  // at the next progress interval.
  absl::Duration stall_timeout = absl::Minutes(2);
};

// Counts, for metrics. Any thread reads.
struct DispatcherStats {
  std::atomic<int64_t> streams{0};
  std::atomic<int64_t> streams_catching_up{0};
  std::atomic<int64_t> subscriptions{0};
  std::atomic<int64_t> events_dispatched{0};
  std::atomic<int64_t> events_queued{0};
  std::atomic<int64_t> overflows{0};
  std::atomic<int64_t> gaps{0};
  std::atomic<int64_t> queue_bytes{0};
  std::atomic<int64_t> outbox_bytes{0};
};

// What the smallest subscription counts for beside its filter.
inline constexpr size_t kSubscriptionBytes = 128;

// A subscription to be added.
struct NewSubscription {
  int64_t id = 0;
  std::shared_ptr<const match::CompiledFilter> filter;
  // Of its encoded form.
  size_t filter_bytes = 0;
  // Null: the stream's own.
  access::SessionPtr session;
  // With another's session: the scope of the stream's own user by which it may be used.
  access::ScopePtr opened_by;
  // Session.scope it is meant for; empty: any.
  std::string scope_id;
  // The position after which it sees events at the earliest; empty: any.
  std::string after;
};

// One thread at a time owns the match index and the dispatcher's side of every stream; whatever
// else wants something of it posts a command, and commands and committed blocks are taken in order.
// That is the dispatcher's thread, or for a moment the one that brings a lone block. A stream is
// either live, and then gets each block as it is dispatched, or catching up: a reader thread
// fetches blocks of the log for it, one at a time, and the dispatcher matches them between live
// blocks until the stream has reached the live end, or the end that was asked for.
class Dispatcher : public access::SessionListener {
 public:
  // `log` must outlive it.
  Dispatcher(const log::EventLog* log, DispatcherOptions options);
  // Stops.
  ~Dispatcher() override;

  void Start();
  // Ends all streams with `status`, then the thread. Idempotent.
  void Stop(const absl::Status& status);

  // Committer::Sink. Waits while the queue is full, if the thread is the committer's. Another one's
  // must call DispatchNow next: what it brings is left to it unless other work waits.
  void OnCommitted(std::vector<log::EventBlockPtr> blocks, log::CommitOn thread)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Dispatches, on this thread, what was left to it.
  void DispatchNow() ABSL_LOCKS_EXCLUDED(mu_);

  // For a new stream. `writer` must live until Subscriber::Detach; it is not called before Open.
  SubscriberPtr MakeSubscriber(StreamKind kind, access::SessionPtr session, StreamWriter* writer);
  // Once. RESOURCE_EXHAUSTED: too many streams. Close must follow if it is OK.
  absl::Status Open(SubscriberPtr subscriber);
  // Adds subscriptions; SubscriptionsAdded or SubscriptionsClosed goes into the outbox. After this,
  // as after the next two, StreamWriter::OnCommandDone is called: one command at a time.
  void Add(SubscriberPtr subscriber, std::vector<NewSubscription> subscriptions);
  void Remove(SubscriberPtr subscriber, std::vector<int64_t> ids);
  // Ends the stream if a position is no good.
  void StartDelivery(SubscriberPtr subscriber, const v1::StartDelivery& delivery);
  // Puts a response into the outbox behind what the commands before gave.
  void Respond(SubscriberPtr subscriber, const v1::SubscribeResponse& response);
  // There is room in the outbox again.
  void RoomAvailable(SubscriberPtr subscriber);
  void Close(SubscriberPtr subscriber);

  // In force when it returns.
  void OnSessionsChanged(const std::vector<access::SessionPtr>& sessions) override;

  // Whether blocks wait: whoever does not wait for room must not bring more.
  bool IsBehind() const { return stats_.queue_bytes > 0; }

  const DispatcherStats& stats() const { return stats_; }

 private:
  using Command = std::function<void()>;
  struct Committed {
    log::EventBlockPtr block;
    absl::Time at;
  };

  // What is done before anybody looks for more.
  struct Turn {
    std::deque<Command> commands;
    // May be without a block.
    Committed committed;
    bool is_last = false;
  };

  // False: stopped; the command was dropped.
  bool Post(Command command) ABSL_LOCKS_EXCLUDED(mu_);
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasRoom() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool IsIdle() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) { return !dispatching_; }
  // Nobody else dispatches until Yield.
  Turn TakeTurn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Yield() ABSL_LOCKS_EXCLUDED(mu_);
  void Do(Turn turn) ABSL_LOCKS_EXCLUDED(mu_);

  // On the thread that dispatches from here on.
  void DispatchLive(const Committed& committed);
  void Stage(Subscriber& subscriber, const Committed& committed, uint32_t event, int64_t id);
  void FlushStaged(Subscriber& subscriber, const log::EventBlock& block);
  void KeepRecent(const Committed& committed);

  void DoOpen(const SubscriberPtr& subscriber);
  void Forget(Subscriber& subscriber);
  void DoAdd(const SubscriberPtr& subscriber, std::vector<NewSubscription>& subscriptions);
  absl::Status AddOne(const SubscriberPtr& subscriber, NewSubscription& subscription);
  // Puts it into the table, or ends the stream if it may not use the session any more.
  absl::StatusOr<uint32_t> Place(const SubscriberPtr& subscriber, NewSubscription& subscription);
  // False: there is no room for them.
  bool TakeFilterBytes(Subscriber::DispatcherSide& side, size_t bytes);
  void GiveBackFilterBytes(Subscriber::DispatcherSide& side, size_t bytes);
  // Of a stream that catches up: begins and answers the subscriptions whose place it has reached.
  void BeginAwaited(Subscriber& subscriber);
  void PutAdded(Subscriber& subscriber, absl::Span<const int64_t> ids);
  void DoRemove(const SubscriberPtr& subscriber, const std::vector<int64_t>& ids);
  void ForgetPlaces(Subscriber::DispatcherSide& side);
  void DoStart(const SubscriberPtr& subscriber, const v1::StartDelivery& delivery);
  void DoClose(const SubscriberPtr& subscriber);
  void DoSessionChanged(const access::SessionPtr& session);
  // The stream's own session has changed; a null scope: it has ended.
  void ChangeOwn(Subscriber& subscriber, const access::ScopePtr& scope);
  // The same of a session that the stream's user holds for another.
  void TellFacade(Subscriber& subscriber, const access::SessionPtr& session,
                  const access::ScopePtr& scope, const std::string& change);
  void RemoveSubscriptions(Subscriber& subscriber);
  void End(Subscriber& subscriber, const absl::Status& status);

  void SetState(Subscriber& subscriber, Subscriber::State state);
  // Takes a catching-up stream as far as possible: from memory, or by asking for the next read.
  void CatchUp(const SubscriberPtr& subscriber);
  void OnRead(const SubscriberPtr& subscriber, absl::StatusOr<log::EventBlockPtr> block);
  // Up to which event a stream catches up. What the log holds beyond what was dispatched comes
  // live.
  uint64_t CatchUpEnd(const Subscriber::DispatcherSide& side) const;
  // The last event the stream is done with. A live one may be beyond what was dispatched: it began
  // at the newest event.
  uint64_t PlaceOf(const Subscriber::DispatcherSide& side) const;
  // False: no room; nothing was changed.
  bool CatchUpWith(Subscriber& subscriber, const Committed& committed);
  // Whether no more than `room_below` bytes are queued. If more, the writer will tell.
  bool AwaitRoom(Subscriber& subscriber, size_t room_below);
  const Committed* FindRecent(uint64_t sequence) const;
  void SkipTrimmed(Subscriber& subscriber);
  void GoLive(Subscriber& subscriber);
  void Complete(Subscriber& subscriber);

  void PutControl(Subscriber& subscriber, std::string response);
  void PutControl(Subscriber& subscriber, const google::protobuf::Message& response);
  // The response of the stream's kind, with what `fill(response)` puts in.
  template <typename Fill>
  void PutEither(Subscriber& subscriber, Fill fill);
  void PutGap(Subscriber& subscriber, const v1::Gap& gap);
  void PutProgress(Subscriber& subscriber, uint64_t sequence, bool live);
  // Progress, unless the client knows how far its stream has come.
  void TellPlace(Subscriber& subscriber);
  void SendProgress();
  void Tick();
  bool IsStalled(Subscriber& subscriber, absl::Time now) const;
  // The sequence of a position of this log. `field` and `hint`, what to do instead, are for the
  // error.
  absl::StatusOr<uint64_t> ResolvePosition(absl::string_view position, absl::string_view field,
                                           absl::string_view hint) const;
  static absl::Status ScopeChanged();
  absl::StatusOr<uint64_t> ResolveStart(const v1::StartPosition& start) const;
  absl::StatusOr<uint64_t> ResolveUntil(absl::string_view until) const;

  const log::EventLog* const log_;
  const DispatcherOptions options_;
  DispatcherStats stats_;
  access::StreamPlaces places_;

  mutable absl::Mutex mu_;
  std::deque<Command> commands_ ABSL_GUARDED_BY(mu_);
  std::deque<Committed> committed_ ABSL_GUARDED_BY(mu_);
  size_t committed_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  // Some thread is dispatching, or will.
  bool dispatching_ ABSL_GUARDED_BY(mu_) = false;
  // It is the one that calls DispatchNow next.
  bool left_to_caller_ ABSL_GUARDED_BY(mu_) = false;

  // The thread that dispatches alone.
  uint64_t dispatched_ = 0;
  SubscriptionTable table_;
  size_t filter_bytes_ = 0;
  absl::flat_hash_map<Subscriber*, SubscriberPtr> streams_;
  // Of these, those of a session, and the Subscribe streams of a user.
  absl::flat_hash_map<const access::Session*, absl::InlinedVector<Subscriber*, 1>> by_session_;
  absl::flat_hash_map<std::string, absl::flat_hash_set<Subscriber*>> by_owner_;
  std::vector<Subscriber*> dirty_;
  std::deque<Committed> recent_;
  size_t recent_bytes_ = 0;

  LogReader reader_;
  std::thread thread_;
};

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_DISPATCHER_H_
