#include "deploy/program/worker_pool.h"

#include <pthread.h>

#include <utility>

namespace carillon::program {

WorkerPool::WorkerPool(const std::string& name, int threads, size_t waiting_max)
    : waiting_max_(waiting_max), idle_(threads) {
  for (int i = 0; i < threads; ++i) {
    threads_.emplace_back([this, name] { Run(name); });
  }
}

WorkerPool::~WorkerPool() { Stop(); }

WorkerPool::Verdict WorkerPool::TrySubmit(Task&& task, size_t spare) {
  absl::MutexLock lock(&mutex_);
  if (stopped_) return Verdict::kStopped;
  if (tasks_.size() + spare >= idle_ + waiting_max_) return Verdict::kFull;
  tasks_.push_back(std::move(task));
  return Verdict::kAccepted;
}

void WorkerPool::Stop() {
  {
    absl::MutexLock lock(&mutex_);
    stopped_ = true;
  }
  for (std::thread& thread : threads_) {
    if (thread.joinable()) thread.join();
  }
}

size_t WorkerPool::waiting() const {
  absl::MutexLock lock(&mutex_);
  return tasks_.size();
}

void WorkerPool::Run(const std::string& name) {
  pthread_setname_np(pthread_self(), name.substr(0, 15).c_str());
  while (true) {
    Task task;
    {
      absl::MutexLock lock(&mutex_, absl::Condition(this, &WorkerPool::HasWork));
      if (tasks_.empty()) return;
      task = std::move(tasks_.front());
      tasks_.pop_front();
      --idle_;
    }
    task();
    // What the task holds goes before its thread counts as idle.
    task = nullptr;
    absl::MutexLock lock(&mutex_);
    ++idle_;
  }
}

}  // namespace carillon::program
