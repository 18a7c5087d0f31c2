#include "wsfacade/net/io_thread.h"

#include <pthread.h>

#include <boost/asio/post.hpp>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "wsfacade/net/connection.h"

namespace carillon::facade {
namespace {

constexpr absl::Duration kTick = absl::Milliseconds(250);
// Two minutes ahead; later deadlines are looked at once in between.
constexpr size_t kWheelSlots = 512;
// Several TLS records, and many pipelined commands, for one readiness.
constexpr size_t kReadBufferBytes = 64 << 10;
// What one TLS record holds.
constexpr size_t kWriteBufferBytes = 16 << 10;

absl::Time SteadyNow() {
  return absl::FromChrono(std::chrono::system_clock::time_point(
      std::chrono::duration_cast<std::chrono::system_clock::duration>(
          std::chrono::steady_clock::now().time_since_epoch())));
}

int64_t TickOf(absl::Time time) {
  return absl::ToInt64Nanoseconds(time - absl::UnixEpoch()) / absl::ToInt64Nanoseconds(kTick);
}

}  // namespace

IoThread::IoThread(int index, absl::Duration flush_window_max)
    : index_(index),
      now_(SteadyNow()),
      wheel_(kWheelSlots),
      tick_timer_(context_),
      read_buffer_(kReadBufferBytes),
      write_buffer_(kWriteBufferBytes),
      pacer_(flush_window_max),
      flush_timer_(context_) {
  wheel_.Advance(TickOf(now_), [](TimerWheel::Node*) {});
}

IoThread::~IoThread() { Stop(); }

void IoThread::Start() {
  thread_ = std::thread([this] {
    pthread_setname_np(pthread_self(), absl::StrCat("io-", index_).c_str());
    Tick();
    auto work = boost::asio::make_work_guard(context_);
    context_.run();
  });
}

bool IoThread::WaitUntilEmpty(absl::Time deadline) {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithDeadline(absl::Condition(this, &IoThread::IsEmpty), deadline);
}

void IoThread::Stop() {
  {
    absl::MutexLock lock(&mu_);
    if (stopped_) return;
    stopped_ = true;
  }
  boost::asio::post(context_, [this] {
    for (const auto& connection : connections()) connection->Abort("server stopped");
    context_.stop();
  });
  if (thread_.joinable()) thread_.join();
  // Tasks may hold what must not outlive this.
  std::vector<Task> dropped;
  absl::MutexLock lock(&mu_);
  dropped.swap(inbox_);
  inbox_bytes_ = 0;
}

void IoThread::Post(Task task) {
  absl::MutexLock lock(&mu_);
  if (stopped_) return;
  inbox_.push_back(std::move(task));
  if (inbox_.size() == 1) boost::asio::post(context_, [this] { RunInbox(); });
}

void IoThread::PostBytes(Task task, size_t bytes, size_t bytes_max) {
  absl::MutexLock lock(&mu_);
  room_bytes_max_ = bytes_max;
  mu_.Await(absl::Condition(this, &IoThread::HasRoom));
  if (stopped_) return;
  inbox_bytes_ += bytes;
  inbox_.push_back([this, bytes, task = std::move(task)]() mutable {
    task();
    absl::MutexLock relock(&mu_);
    inbox_bytes_ -= bytes;
  });
  if (inbox_.size() == 1) boost::asio::post(context_, [this] { RunInbox(); });
}

void IoThread::PostAfter(absl::Duration delay, Task task) {
  Post([this, delay, task = std::move(task)]() mutable {
    auto timer = std::make_shared<boost::asio::steady_timer>(context_);
    timer->expires_after(absl::ToChronoMilliseconds(delay));
    timer->async_wait(
        [timer, task = std::move(task)](const boost::system::error_code& error) mutable {
          if (!error) task();
        });
  });
}

void IoThread::RunInbox() {
  std::vector<Task> tasks;
  {
    absl::MutexLock lock(&mu_);
    tasks.swap(inbox_);
  }
  now_ = SteadyNow();
  for (Task& task : tasks) {
    task();
    if (RecordsAreFull()) FlushDirty();
  }
}

void IoThread::Defer(Task task) {
  deferred_.push_back(std::move(task));
  if (deferred_.size() > 1) return;
  boost::asio::post(context_, [this] {
    std::vector<Task> tasks;
    tasks.swap(deferred_);
    for (Task& deferred : tasks) deferred();
  });
}

void IoThread::Add(std::shared_ptr<Connection> connection) {
  connections_.insert(std::move(connection));
}

void IoThread::Remove(Connection* connection) {
  auto found = connections_.find(connection->shared_from_this());
  if (found == connections_.end()) return;
  {
    absl::MutexLock lock(&mu_);
    connection_count_.fetch_sub(1, std::memory_order_relaxed);
  }
  removed_.push_back(*found);
  connections_.erase(found);
  ScheduleFlush();
}

std::vector<std::shared_ptr<Connection>> IoThread::connections() const {
  return {connections_.begin(), connections_.end()};
}

void IoThread::MarkDirty(Connection* connection) {
  dirty_.push_back(connection);
  ScheduleFlush();
}

bool IoThread::RecordsAreFull() const {
  return !dirty_.empty() && unflushed_bytes_ >= dirty_.size() * kWriteBufferBytes;
}

void IoThread::ScheduleFlush() {
  if (std::exchange(flush_scheduled_, true)) return;
  const absl::Duration wait = pacer_.next() - SteadyNow();
  if (wait <= absl::ZeroDuration()) {
    boost::asio::post(context_, [this] { FlushDirty(); });
    return;
  }
  flush_timer_.expires_after(absl::ToChronoNanoseconds(wait));
  flush_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) FlushDirty();
  });
}

void IoThread::FlushDirty() {
  if (!std::exchange(flush_scheduled_, false)) return;
  unflushed_bytes_ = 0;
  std::vector<Connection*> dirty;
  dirty.swap(dirty_);
  const absl::Time begin = SteadyNow();
  for (Connection* connection : dirty) connection->Flush();
  if (!dirty.empty()) pacer_.OnFlushed(begin, SteadyNow());
  dirty.clear();
  if (dirty_.empty()) {
    dirty_.swap(dirty);
    removed_.clear();
  }
}

void IoThread::SetDeadline(TimerWheel::Node* node, absl::Duration delay) {
  wheel_.Set(node, TickOf(now_ + delay) + 1);
}

void IoThread::Tick() {
  now_ = SteadyNow();
  wheel_.Advance(TickOf(now_),
                 [](TimerWheel::Node* node) { Connection::OfDeadline(node)->OnDeadline(); });
  tick_timer_.expires_after(absl::ToChronoMilliseconds(kTick));
  tick_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) Tick();
  });
}

}  // namespace carillon::facade
