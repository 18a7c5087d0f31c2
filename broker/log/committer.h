// Group commit: what many publishers submit meanwhile goes into the log in one append, one flush.
#ifndef CARILLON_BROKER_LOG_COMMITTER_H_
#define CARILLON_BROKER_LOG_COMMITTER_H_

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "broker/log/event_log.h"
#include "broker/log/trimmer.h"

namespace carillon::log {

// Events of one publisher that are committed together, all or none.
struct CommitRequest {
  // Where an event's record lies in `records`. Its event id is the last `event_id_size` bytes of
  // the record, as wire::AppendEventRecord lays it out; 0: none.
  struct Event {
    uint32_t offset = 0;
    uint32_t size = 0;
    uint32_t event_id_size = 0;
  };

  // Called once, on the thread that commits, so it must be quick and not block. `outcomes` has one
  // element for each event if the status is OK, else it is empty; it is gone after the call.
  // RESOURCE_EXHAUSTED: no room in the log now. UNAVAILABLE: the broker is shutting down.
  using Done =
      std::function<void(const absl::Status& status, absl::Span<const AppendOutcome> outcomes)>;

  std::string publisher;
  std::string records;
  std::vector<Event> events;
  Done done;

  // What it counts for in the queue.
  size_t bytes() const;
};

enum class SubmitVerdict {
  // `done` will be called.
  kAccepted,
  // The same; on this thread, when it is idle, unless another request comes first.
  kWhenIdle,
  // The queue is full; the request is untouched and still the caller's.
  kFull,
  // Shut down (say UNAVAILABLE); the request is untouched.
  kClosed,
};

struct CommitterOptions {
  // Requests that wait or are being committed. One that is larger than this by itself is accepted
  // when there is no other.
  size_t queue_bytes_max = size_t{64} << 20;
  // How much one commit takes; at least one request.
  size_t commit_bytes_max = size_t{8} << 20;
  size_t commit_events_max = 16 * 1024;
  // Has the calling thread run `work` as soon as it has nothing else to do, but before the
  // committer is destroyed, or says false: it is none of those that can. `work` waits for the disk
  // and may call the sink. Called under a lock, so it only takes note. Null: no thread can.
  std::function<bool(std::function<void()> work)> when_idle;
  // A request no larger than this that comes while nothing else does is left to the thread that
  // submits it, to be committed when_idle, which spares it the time to wake another. The thread
  // does nothing else meanwhile; so a larger one is not, nor is any after an append that took
  // longer than `inline_latency_max`.
  size_t inline_bytes_max = size_t{16} << 10;
  absl::Duration inline_latency_max = absl::Milliseconds(5);
  // See TrimmerOptions. The log is trimmed at once when it could not append, or wants it.
  Retention retention;
  absl::Duration trim_interval = absl::Seconds(1);
  // Commit times, and the age of events.
  std::function<absl::Time()> clock = absl::Now;
};

// On whose thread something is committed.
enum class CommitOn {
  // The committer's own, which has to be woken for it.
  kOwnThread,
  // That of the publisher.
  kThisThread,
};

// What a commit did.
struct CommitReport {
  size_t requests = 0;
  size_t events = 0;
  size_t duplicates = 0;
  size_t record_bytes = 0;
  // How long EventLog::Append took.
  absl::Duration latency;
  CommitOn thread = CommitOn::kOwnThread;
  // Not OK: nothing was committed.
  absl::Status status;
};

// For metrics and logs.
class CommitObserver {
 public:
  virtual ~CommitObserver() = default;
  // Called on the thread that commits.
  virtual void OnCommit(const CommitReport& report) = 0;
  // EventLog::TrimStep has failed; it is tried again later. Called on the thread that trims.
  virtual void OnTrimFailed(const absl::Status& status) = 0;
};

// Sees to it that one thread at a time appends to the log: its own, or that of a lone publisher.
// Beside them a third one trims it.
class Committer {
 public:
  // Takes what was committed, in order, after it was acknowledged, and is told on whose thread. May
  // block: then nothing more is committed, the queue fills up, and publishers wait.
  using Sink = std::function<void(std::vector<EventBlockPtr> blocks, CommitOn thread)>;

  // Starts. `log` and `observer` (may be null) must outlive it. What `sink` calls must work until
  // Shutdown has returned.
  Committer(EventLog* log, CommitterOptions options, Sink sink, CommitObserver* observer);
  // Shuts down.
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  // Takes the request if there is room; it is moved from only if it was accepted. After kFull
  // `when_room` (may be null) is called once, when it is worth trying again or the committer is
  // closed: on the thread that commits, so it must be quick and not block; it may call Submit. Any
  // thread.
  [[nodiscard]] SubmitVerdict Submit(CommitRequest&& request, std::function<void()> when_room)
      ABSL_LOCKS_EXCLUDED(mu_);

  // Refuses what comes from now on, commits and answers what was accepted, and ends the threads.
  // Idempotent; not from a callback.
  void Shutdown() ABSL_LOCKS_EXCLUDED(mu_);

  // Of the requests that wait or are being committed. Any thread.
  size_t queue_bytes() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Waiter {
    size_t bytes;
    std::function<void()> when_room;
  };
  // The requests of one commit.
  struct Group {
    std::vector<CommitRequest> requests;
    size_t bytes = 0;
    size_t events = 0;
  };

  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits for a request that nobody else commits; the log is the thread's until YieldLog. False:
  // shut down, and nothing is left.
  bool NextGroup(Group* group) ABSL_LOCKS_EXCLUDED(mu_);
  void YieldLog() ABSL_LOCKS_EXCLUDED(mu_);
  Group TakeGroupLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool HasWorkLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Whether so much can be left to whoever submits it now.
  bool MayLeaveToCallerLocked(size_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Commits the request that was left to a thread, unless others came and the own thread has it.
  void CommitWhatWasLeft() ABSL_LOCKS_EXCLUDED(mu_);
  bool HasRoomLocked(size_t bytes) const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Commit(Group group, CommitOn thread) ABSL_LOCKS_EXCLUDED(mu_);
  // Counts `bytes`, of which the append took `latency`, out of the queue and calls the waiters who
  // have room now.
  void Release(size_t bytes, absl::Duration latency) ABSL_LOCKS_EXCLUDED(mu_);

  EventLog* const log_;
  const CommitterOptions options_;
  const Sink sink_;
  CommitObserver* const observer_;

  mutable absl::Mutex mu_;
  std::deque<CommitRequest> queue_ ABSL_GUARDED_BY(mu_);
  // Of queue_ and of the group that is being committed.
  size_t queue_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  std::deque<Waiter> waiters_ ABSL_GUARDED_BY(mu_);
  bool closed_ ABSL_GUARDED_BY(mu_) = false;
  // Some thread is committing.
  bool log_taken_ ABSL_GUARDED_BY(mu_) = false;
  // queue_ holds one request, for which CommitWhatWasLeft will be called.
  bool left_to_caller_ ABSL_GUARDED_BY(mu_) = false;
  // The last commit was small and quick, and nothing was submitted while it was made.
  bool quiet_ ABSL_GUARDED_BY(mu_) = true;

  // Goes after the last commit.
  std::unique_ptr<Trimmer> trimmer_;
  // Joined once, by whoever comes first.
  absl::Mutex join_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  std::thread thread_ ABSL_GUARDED_BY(join_mu_);
};

}  // namespace carillon::log

#endif  // CARILLON_BROKER_LOG_COMMITTER_H_
