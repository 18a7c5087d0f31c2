// Ctrl-C, the SIGTERM of a service manager, and the end of the terminal.
#ifndef CARILLON_CLIENTS_CLI_INTERRUPT_H_
#define CARILLON_CLIENTS_CLI_INTERRUPT_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "deploy/program/signals.h"

namespace carillon::cli {

// The first signal is a wish to finish in good order; the second one ends the program at once. One
// in a process, made before any other thread.
class Interrupt {
 public:
  Interrupt();
  ~Interrupt();
  Interrupt(const Interrupt&) = delete;
  Interrupt& operator=(const Interrupt&) = delete;

  bool happened() const;

  // Readable once it has happened: for poll.
  int fd() const { return read_fd_; }

  // Calls `action` when it happens, or at once if it has; replaces the action before. An empty one:
  // none. When this returns, the action before is not running and will not run.
  void OnInterrupt(std::function<void()> action);

 private:
  void Listen();

  program::Signals signals_{program::Signals::HangUp::kShutdown};
  int read_fd_ = -1;
  int write_fd_ = -1;
  mutable absl::Mutex mutex_;
  bool happened_ ABSL_GUARDED_BY(mutex_) = false;
  std::function<void()> action_ ABSL_GUARDED_BY(mutex_);
  std::thread listener_;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_INTERRUPT_H_
