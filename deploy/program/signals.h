// Signals and limits of a server process.
#ifndef CARILLON_PROGRAM_SIGNALS_H_
#define CARILLON_PROGRAM_SIGNALS_H_

#include <cstdint>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"

namespace carillon::program {

// SIGINT and SIGTERM ask for one orderly shutdown; a second one ends the process at once with the
// code 128 + its number. SIGPIPE is ignored, and so is SIGHUP, unless the process is to end with
// its terminal: then it asks for a shutdown, however often it comes, if it was not ignored before
// (as by nohup).
//
// One for a process, made in main() before any other thread, so that all threads inherit the
// blocked signals. They stay blocked after its end.
class Signals {
 public:
  enum class HangUp { kIgnore, kShutdown };

  explicit Signals(HangUp hang_up = HangUp::kIgnore);
  ~Signals();
  Signals(const Signals&) = delete;
  Signals& operator=(const Signals&) = delete;

  // Blocks until a shutdown is asked for. The signal's number, or 0 if RequestShutdown did it.
  int WaitForShutdown();

  // The same as a first SIGTERM, for a program that cannot go on. Any thread.
  void RequestShutdown();

 private:
  void Run();
  void HandleSignal(int number);

  const HangUp hang_up_;
  int signal_fd_;
  int wake_fd_;
  absl::Mutex mutex_;
  bool shutdown_ ABSL_GUARDED_BY(mutex_) = false;
  int number_ ABSL_GUARDED_BY(mutex_) = 0;
  std::thread thread_;
};

// Raises the limit of open files to what the system allows this process; returns it.
absl::StatusOr<uint64_t> RaiseOpenFileLimit();

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_SIGNALS_H_
