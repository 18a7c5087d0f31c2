// Threads for work that blocks: disk, passwords.
#ifndef CARILLON_PROGRAM_WORKER_POOL_H_
#define CARILLON_PROGRAM_WORKER_POOL_H_

#include <cstddef>
#include <deque>
#include <string>
#include <thread>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/functional/any_invocable.h"
#include "absl/synchronization/mutex.h"

namespace carillon::program {

// A fixed number of threads and a bounded queue. Any thread.
class WorkerPool {
 public:
  enum class Verdict { kAccepted, kFull, kStopped };
  using Task = absl::AnyInvocable<void()>;

  // `name` (15 characters) names the threads; `waiting_max` tasks may wait beside those that run.
  WorkerPool(const std::string& name, int threads, size_t waiting_max);
  // Stops.
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  // Unless accepted, the task is left as it was. Tasks start in order of submission. `spare` places
  // to wait in are left to others.
  [[nodiscard]] Verdict TrySubmit(Task&& task, size_t spare = 0);

  // Refuses new tasks, runs those accepted to their end, and joins. Not from a task.
  void Stop();

  // Tasks that wait.
  size_t waiting() const;

 private:
  void Run(const std::string& name);
  bool HasWork() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) { return stopped_ || !tasks_.empty(); }

  const size_t waiting_max_;
  mutable absl::Mutex mutex_;
  // Threads that wait for a task.
  size_t idle_ ABSL_GUARDED_BY(mutex_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mutex_) = false;
  std::deque<Task> tasks_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::thread> threads_;
};

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_WORKER_POOL_H_
