// Reads from the broker's log for websockets that have fallen behind: so many at a time, the others
// wait for their turn.
#ifndef CARILLON_WSFACADE_HUB_REPLAYS_H_
#define CARILLON_WSFACADE_HUB_REPLAYS_H_

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "carillon/client/connection.h"
#include "carillon/client/replay.h"
#include "wsfacade/hub/event_frames.h"
#include "wsfacade/net/io_thread.h"

namespace carillon::facade {

// Who wants a replay, on its I/O thread.
class ReplaySink {
 public:
  virtual ~ReplaySink() = default;
  // It is its turn: Start may be called on the ticket, or the ticket given up.
  virtual void OnReplayGranted() = 0;
  // The next events. More come after ReplayTicket::Next.
  virtual void OnReplayed(std::shared_ptr<const EventFrames> frames) = 0;
  // The last call; as in client::ReplayHandler.
  virtual void OnReplayEnded(const absl::Status& status) = 0;
};

class Replays;

// A turn. Belongs to the I/O thread for which it was requested; once it is gone, the sink hears
// nothing more, the replay is cancelled and the turn is another's.
class ReplayTicket {
 public:
  ReplayTicket() = default;
  ~ReplayTicket();
  ReplayTicket(ReplayTicket&& other) noexcept = default;
  ReplayTicket& operator=(ReplayTicket&& other) noexcept;

  // False: given up, or never requested.
  explicit operator bool() const { return turn_ != nullptr; }

  // Once it was granted.
  void Start(client::ReplayOptions options);
  // After each OnReplayed.
  void Next();

 private:
  friend class Replays;
  class Turn;
  explicit ReplayTicket(std::shared_ptr<Turn> turn);
  void GiveUp();

  std::shared_ptr<Turn> turn_;
};

// Any thread. Outlives the tickets, and its users' threads outlive it.
class Replays {
 public:
  // At most `replays_max` at a time.
  Replays(std::shared_ptr<client::Connection> connection, int replays_max);
  // Stops.
  ~Replays();

  // Whether turns are granted: sessions are in force at the broker. At first they are not.
  void SetOpen(bool open) ABSL_LOCKS_EXCLUDED(mu_);
  // Cancels all, grants no more, and returns when no replay runs. Idempotent.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  // `sink` hears of it on `thread`, which is also the caller's, until the ticket is gone.
  ReplayTicket Request(IoThread* thread, ReplaySink* sink) ABSL_LOCKS_EXCLUDED(mu_);

  // Whether someone waits for a turn: one that cannot go on for a while makes way.
  bool is_crowded() const ABSL_LOCKS_EXCLUDED(mu_);
  // How many were started so far.
  int64_t started() const { return started_.load(std::memory_order_relaxed); }

 private:
  friend class ReplayTicket;
  using Turn = ReplayTicket::Turn;

  void GrantLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const std::shared_ptr<client::Connection> connection_;
  const int replays_max_;
  std::atomic<int64_t> started_{0};

  mutable absl::Mutex mu_;
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t next_number_ ABSL_GUARDED_BY(mu_) = 0;
  // In the order of their requests.
  std::map<uint64_t, std::shared_ptr<Turn>> waiting_ ABSL_GUARDED_BY(mu_);
  // Granted and not over.
  int granted_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_set<std::shared_ptr<Turn>> running_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_REPLAYS_H_
