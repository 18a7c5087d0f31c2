// A thread that owns connections: everything that happens on them happens here.
#ifndef CARILLON_WSFACADE_NET_IO_THREAD_H_
#define CARILLON_WSFACADE_NET_IO_THREAD_H_

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "wsfacade/net/flush_pacer.h"
#include "wsfacade/net/timer_wheel.h"

namespace carillon::facade {

class Connection;

// A count that one thread changes and any thread reads.
class ThreadCount {
 public:
  void Add(int64_t count) {
    value_.store(value_.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
  int64_t Get() const { return value_.load(std::memory_order_relaxed); }

 private:
  std::atomic<int64_t> value_{0};
};

// For metrics.
struct NetCounts {
  ThreadCount bytes_received;
  ThreadCount bytes_sent;
  ThreadCount writes;
  ThreadCount outbox_bytes;
  ThreadCount handshakes_failed;
};

class IoThread {
 public:
  using Task = absl::AnyInvocable<void()>;

  // `flush_window_max`: see FlushPacer.
  IoThread(int index, absl::Duration flush_window_max);
  // Joins.
  ~IoThread();
  IoThread(const IoThread&) = delete;
  IoThread& operator=(const IoThread&) = delete;

  void Start();
  // Waits until no connection is open or on its way here; false: not by `deadline`. Not from the
  // thread itself.
  bool WaitUntilEmpty(absl::Time deadline);
  // Ends the thread; connections still open are cut. Tasks not yet run are dropped. Idempotent, not
  // from the thread itself.
  void Stop();

  // Runs `task` on the thread. Tasks run in the order of these calls; what they queue on
  // connections is written after all that were waiting have run, or when it fills TLS records. Any
  // thread.
  void Post(Task task);
  // The same for a task that carries `bytes`: waits while tasks hold more than `bytes_max`. Not
  // from the thread itself.
  void PostBytes(Task task, size_t bytes, size_t bytes_max);

  // Runs `task` so long from now. Any thread.
  void PostAfter(absl::Duration delay, Task task);

  int index() const { return index_; }
  boost::asio::io_context& context() { return context_; }
  // Connections that are open or on their way here. Any thread.
  int connection_count() const { return connection_count_.load(std::memory_order_relaxed); }
  // Announces a connection that is on its way here. Any thread.
  void ExpectConnection() { connection_count_.fetch_add(1, std::memory_order_relaxed); }

  // Any thread reads; the thread itself counts.
  NetCounts counts;

  // The rest is for the thread alone.

  // Runs `task` when the current one is done.
  void Defer(Task task);

  // Bytes that are read or gathered here are only good until the caller returns.
  absl::Span<char> read_buffer() { return absl::MakeSpan(read_buffer_); }
  absl::Span<char> write_buffer() { return absl::MakeSpan(write_buffer_); }

  // Takes a connection that ExpectConnection announced, until it calls Remove.
  void Add(std::shared_ptr<Connection> connection);
  void Remove(Connection* connection);
  std::vector<std::shared_ptr<Connection>> connections() const;

  // Has its outbox written, at the end of this pass or of the flush window.
  void MarkDirty(Connection* connection);
  // So many bytes were put into the outbox of a connection that is marked.
  void CountQueued(size_t bytes) { unflushed_bytes_ += bytes; }

  // Calls the connection's OnDeadline so long from now (a quarter of a second coarse).
  void SetDeadline(TimerWheel::Node* node, absl::Duration delay);
  void CancelDeadline(TimerWheel::Node* node) { wheel_.Cancel(node); }
  // The time of this pass, steady, for measuring spans.
  absl::Time now() const { return now_; }

 private:
  void RunInbox();
  void ScheduleFlush();
  void FlushDirty();
  // Whether waiting longer could not make the records that are written any larger.
  bool RecordsAreFull() const;
  void Tick();
  bool IsEmpty() const { return connection_count() == 0; }
  bool HasRoom() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return stopped_ || inbox_bytes_ <= room_bytes_max_;
  }

  const int index_;
  boost::asio::io_context context_{1};

  absl::Mutex mu_;
  // Decreased under the lock, for those who wait for it.
  std::atomic<int> connection_count_{0};
  std::vector<Task> inbox_ ABSL_GUARDED_BY(mu_);
  // Of tasks in the inbox and of those taken from it that have not run yet.
  size_t inbox_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  size_t room_bytes_max_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;

  // The thread's own.
  absl::Time now_;
  TimerWheel wheel_;
  boost::asio::steady_timer tick_timer_;
  std::vector<char> read_buffer_;
  std::vector<char> write_buffer_;
  std::vector<Task> deferred_;
  std::vector<Connection*> dirty_;
  // Of the connections in dirty_, about.
  size_t unflushed_bytes_ = 0;
  FlushPacer pacer_;
  boost::asio::steady_timer flush_timer_;
  bool flush_scheduled_ = false;
  absl::flat_hash_set<std::shared_ptr<Connection>> connections_;
  // Removed, kept until nothing of this pass can refer to them.
  std::vector<std::shared_ptr<Connection>> removed_;

  std::thread thread_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_IO_THREAD_H_
