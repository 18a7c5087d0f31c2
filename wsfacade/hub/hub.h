// The facade's side of the broker: one stream that carries the subscriptions of all websockets,
// and the session of each user.
//
// It is the only place where the I/O threads meet. What comes from the broker goes to them through
// their queues, in the order in which it came, so that a websocket hears of a change of its session
// between the same two events as the stream did.
#ifndef CARILLON_WSFACADE_HUB_HUB_H_
#define CARILLON_WSFACADE_HUB_HUB_H_

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "carillon/client/connection.h"
#include "carillon/client/subscriber.h"
#include "wsfacade/hub/broker_calls.h"
#include "wsfacade/hub/fan_out.h"
#include "wsfacade/hub/replays.h"
#include "wsfacade/hub/session_registry.h"
#include "wsfacade/hub/upstream_table.h"
#include "wsfacade/net/io_thread.h"

namespace carillon::facade {

class Hub;

// What a websocket hears of its user's session, on its I/O thread.
class SessionSink {
 public:
  virtual ~SessionSink() = default;
  // The session has ended: why, as in SessionChange.error.
  virtual void OnSessionEnded(const absl::Status& why) = 0;
  // From here on what the user may see is another scope.
  virtual void OnScopeChanged(const ScopePtr& scope) = 0;
};

// Holds a user's session open. Any thread, one at a time.
class SessionLease {
 public:
  SessionLease() = default;
  SessionLease(Hub* hub, UserSessionPtr session);
  ~SessionLease();
  SessionLease(SessionLease&& other) noexcept;
  SessionLease& operator=(SessionLease&& other) noexcept;

  const std::string& principal() const { return session_->principal; }
  // Session.session_id of the API: a secret.
  const std::string& id() const { return session_->id; }
  // On the thread for which it was opened: from now on `sink` hears of it until the lease goes.
  void Attach(SessionSink* sink);
  // On that thread: the scope that registrations go by.
  const ScopePtr& scope() const { return session_->thread_side.scope; }

 private:
  void Close();

  Hub* hub_ = nullptr;
  UserSessionPtr session_;
  bool attached_ = false;
};

struct HubOptions {
  // What may wait for one I/O thread before the stream from the broker is held back.
  size_t fan_out_bytes_max = 32 << 20;
  // How long a new websocket waits for a broker that cannot be reached.
  absl::Duration connect_wait = absl::Seconds(2);
  // How long the broker may take to check a user's credentials.
  absl::Duration call_timeout = absl::Seconds(15);
  // Sessions that have ended here and of which the broker has not been told; the oldest give way.
  size_t closing_max = 100'000;
  // Websockets that are caught up from the log at a time.
  int replays_max = 64;
};

class Hub : private client::SubscriberHandler {
 public:
  // `threads`, at most UpstreamTable::kThreadsMax, must outlive it.
  Hub(std::shared_ptr<client::Connection> connection, const HubOptions& options,
      absl::Span<IoThread* const> threads);
  ~Hub() override;

  void Start();
  // Ends the stream from the broker, and the replays.
  void StopStream();
  // Tells the broker of the sessions that have ended, for so long at most, and cancels what is
  // still under way. After StopStream, with all websockets closed.
  void Finish(absl::Duration limit);

  // Has the broker check a user's credentials. `done` is called from any thread. Errors are the
  // broker's: UNAUTHENTICATED, UNAVAILABLE, RESOURCE_EXHAUSTED, ….
  using OpenCallback = absl::AnyInvocable<void(absl::StatusOr<SessionLease>)>;
  void OpenSession(std::string authorization, const std::string& peer, const IoThread& thread,
                   OpenCallback done) ABSL_LOCKS_EXCLUDED(mu_);

  FanOut& fan_out(int thread) { return *fan_outs_[thread]; }
  BrokerCalls& calls() { return calls_; }
  Replays& replays() { return replays_; }
  const Replays& replays() const { return replays_; }
  // How long a user's call may take at the moment.
  BrokerCalls::Patience patience() const ABSL_LOCKS_EXCLUDED(mu_);

  // For metrics.
  bool connected() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t session_count() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t upstream_count() const ABSL_LOCKS_EXCLUDED(mu_);
  int64_t events_received() const { return events_received_.load(std::memory_order_relaxed); }

 private:
  friend class FanOut;
  friend class SessionLease;
  enum class State { kDown, kResuming, kUp };
  using Done = std::function<void(std::vector<v1::Subscription>)>;

  // An OpenSession under way.
  struct Opening {
    int thread;
    int64_t epoch;
    OpenCallback done;
  };
  // A round of ResumeSessions after a new stream was opened.
  struct Resuming {
    std::vector<UserSessionPtr> sessions;
    size_t next = 0;
    Done done;
    int64_t epoch;
  };

  // For FanOut.
  UpstreamSubscription* Acquire(FanOut* user, const ScopePtr& scope, absl::string_view filter)
      ABSL_LOCKS_EXCLUDED(mu_);
  void Release(FanOut* user, UpstreamSubscription* subscription) ABSL_LOCKS_EXCLUDED(mu_);
  // For SessionLease.
  void CloseSession(const UserSessionPtr& session) ABSL_LOCKS_EXCLUDED(mu_);

  void OnConnected(Done done) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnDisconnected(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnEvents(absl::Span<const client::ReceivedEvent> events) override;
  void OnAdded(const v1::SubscriptionsAdded& added) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnRemoved(const v1::SubscriptionsRemoved& removed) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnClosed(const v1::SubscriptionsClosed& closed) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnProgress(const v1::Progress& progress) override;
  void OnGap(const v1::Gap& gap) override;
  void OnSessionChange(const v1::SessionChange& change) override ABSL_LOCKS_EXCLUDED(mu_);

  void OnOpened(Opening opening, absl::StatusOr<v1::OpenSessionResponse> response)
      ABSL_LOCKS_EXCLUDED(mu_);
  // The stream was opened anew meanwhile: makes sure that the session is in force on it.
  void Confirm(const UserSessionPtr& session, Opening opening) ABSL_LOCKS_EXCLUDED(mu_);

  void ResumeNext(std::shared_ptr<Resuming> resuming) ABSL_LOCKS_EXCLUDED(mu_);
  void OnResumed(std::shared_ptr<Resuming> resuming, size_t count,
                 absl::StatusOr<v1::ResumeSessionsResponse> response) ABSL_LOCKS_EXCLUDED(mu_);
  void FinishResuming(const Resuming& resuming) ABSL_LOCKS_EXCLUDED(mu_);

  void ChangeScope(const UserSessionPtr& session, absl::string_view scope)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndSession(const UserSessionPtr& session, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  static bool HasReason(const absl::Status& status, absl::string_view reason);
  // Why a session that the broker does not know any more has ended: a subscription may name it
  // after its eviction, before that is told.
  static absl::Status EndOf(const absl::Status& why);
  // The broker refused or ended a subscription that has users.
  void OnSubscriptionClosed(UpstreamSubscription* subscription, const absl::Status& why)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Forgets changes that nobody can ask for any more.
  void ForgetChanges() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Runs `task(table)` on each thread of the set.
  template <typename Task>
  void PostTo(uint64_t threads, Task task);

  // Subscriptions that the broker is to be told of and that some session can name.
  std::vector<v1::Subscription> TakeSubscriptions(size_t max, size_t bytes_max)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Tells the broker what it is still to be told.
  void Flush() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // The broker is to be told that the session is not used any more.
  void QueueClosing(const std::string& id) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void SendClosing() ABSL_LOCKS_EXCLUDED(mu_);

  const HubOptions options_;
  std::vector<std::unique_ptr<FanOut>> fan_outs_;
  std::atomic<int64_t> events_received_{0};

  mutable absl::Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kDown;
  bool stream_stopped_ ABSL_GUARDED_BY(mu_) = false;
  // Counts the streams opened: what was asked for under another one may have been forgotten.
  int64_t epoch_ ABSL_GUARDED_BY(mu_) = 0;
  SessionRegistry sessions_ ABSL_GUARDED_BY(mu_);
  UpstreamTable upstream_ ABSL_GUARDED_BY(mu_);
  // The sessions named for subscriptions whose answer is to come, by the subscriptions' ids.
  absl::flat_hash_map<int64_t, UserSessionPtr> named_ ABSL_GUARDED_BY(mu_);
  // Sessions that changed in this epoch while any was opened or resumed: newer than what the answer
  // to that says.
  absl::flat_hash_map<std::string, v1::SessionChange> changes_ ABSL_GUARDED_BY(mu_);
  int openings_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<std::string> closing_ ABSL_GUARDED_BY(mu_);
  bool closing_under_way_ ABSL_GUARDED_BY(mu_) = false;

  // Open while the state is kUp.
  Replays replays_;
  // Only replaced by StopStream, after which nobody uses it.
  std::unique_ptr<client::Subscriber> subscriber_;
  BrokerCalls calls_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_HUB_H_
