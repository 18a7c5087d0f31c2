#include "deploy/program/grpc_threads.h"

#include <grpc/grpc.h>
#include <grpcpp/completion_queue.h>
#include <pthread.h>

#include <atomic>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/base/internal/raw_logging.h"
#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"

namespace carillon::program {
namespace {

std::atomic<int> thread_count{1};

struct CallbackThread {
  // What it is to do when idle.
  std::vector<std::function<void()>> work;
  // It found nothing to call back for since it did such work.
  bool rested = true;
};

// Null on other threads.
thread_local CallbackThread* this_thread = nullptr;

#ifdef CARILLON_OWN_GRPC_THREADS

// Until `queue` is shut down.
void RunCallbacks(grpc_completion_queue* queue) {
  // What is busy with others' calls lets nobody wait for long.
  constexpr int kCallbacksBeforeWork = 16;
  CallbackThread self;
  this_thread = &self;
  int callbacks = 0;
  while (true) {
    const bool may_wait = self.work.empty() && self.rested;
    const grpc_event event = grpc_completion_queue_next(
        queue, may_wait ? gpr_inf_future(GPR_CLOCK_MONOTONIC) : gpr_inf_past(GPR_CLOCK_MONOTONIC),
        nullptr);
    if (event.type == GRPC_OP_COMPLETE) {
      auto* functor = static_cast<grpc_completion_queue_functor*>(event.tag);
      functor->functor_run(functor, event.success);
      ++callbacks;
    } else {
      self.rested = true;
    }
    if (self.work.empty()) {
      callbacks = 0;
    } else if (event.type != GRPC_OP_COMPLETE || callbacks >= kCallbacksBeforeWork) {
      callbacks = 0;
      self.rested = false;
      for (const std::function<void()>& work : std::exchange(self.work, {})) work();
    }
    if (event.type == GRPC_QUEUE_SHUTDOWN) return;
  }
}

// The queue of all callbacks of the process, with its threads, for as long as anything needs it.
class CallbackQueue {
 public:
  grpc::CompletionQueue* Ref() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (++references_ > 1) return queue_.get();
    queue_ = std::make_unique<grpc::CompletionQueue>();
    for (int i = 0; i < thread_count; ++i) {
      threads_.emplace_back([i, queue = queue_->cq()] {
        pthread_setname_np(pthread_self(), absl::StrCat("grpc-", i).c_str());
        RunCallbacks(queue);
      });
    }
    return queue_.get();
  }

  void Unref() ABSL_LOCKS_EXCLUDED(mu_) {
    absl::MutexLock lock(&mu_);
    if (--references_ > 0) return;
    ABSL_RAW_CHECK(this_thread == nullptr, "a thread cannot join itself");
    queue_->Shutdown();
    for (std::thread& thread : threads_) thread.join();
    threads_.clear();
    queue_.reset();
  }

 private:
  absl::Mutex mu_;
  int references_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<grpc::CompletionQueue> queue_ ABSL_GUARDED_BY(mu_);
  std::vector<std::thread> threads_ ABSL_GUARDED_BY(mu_);
};

// Never destroyed: gRPC may be used until the very end.
CallbackQueue& TheCallbackQueue() {
  static auto* queue = new CallbackQueue;
  return *queue;
}

#endif

}  // namespace

void SetGrpcThreads(int count) {
  ABSL_RAW_CHECK(count >= 1, "nobody would call back");
  thread_count = count;
}

bool WhenGrpcIsIdle(std::function<void()> work) {
  if (this_thread == nullptr || !this_thread->rested) return false;
  this_thread->work.push_back(std::move(work));
  return true;
}

}  // namespace carillon::program

#ifdef CARILLON_OWN_GRPC_THREADS

// gRPC asks these two, which are its own and have no other way to be told, for the queue of its
// callbacks. It does so through its library's symbol table, where what a program defines comes
// first.
namespace grpc {

CompletionQueue* CompletionQueue::CallbackAlternativeCQ() {
  return carillon::program::TheCallbackQueue().Ref();
}

void CompletionQueue::ReleaseCallbackAlternativeCQ(CompletionQueue* /*queue*/) {
  carillon::program::TheCallbackQueue().Unref();
}

}  // namespace grpc

#endif
