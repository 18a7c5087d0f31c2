// Keeps a log within its retention, on a thread of its own.
#ifndef CARILLON_BROKER_LOG_TRIMMER_H_
#define CARILLON_BROKER_LOG_TRIMMER_H_

#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "broker/log/event_log.h"

namespace carillon::log {

struct TrimmerOptions {
  Retention retention;
  // How often to look for something to trim. While there is more it goes on without a pause.
  absl::Duration interval = absl::Seconds(1);
  // The age of events is counted by it.
  std::function<absl::Time()> clock = absl::Now;
};

class Trimmer {
 public:
  // Called on the trimmer's thread: TrimStep has failed. It is tried again after the interval.
  using OnFailed = std::function<void(const absl::Status& status)>;

  // Starts with a look. `log` must outlive it.
  Trimmer(EventLog* log, TrimmerOptions options, OnFailed on_failed);
  // Ends the thread.
  ~Trimmer();
  Trimmer(const Trimmer&) = delete;
  Trimmer& operator=(const Trimmer&) = delete;

  // Looks now. Any thread.
  void Wake() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  void Run() ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until it is time to look. False: it is time to end.
  bool AwaitTime() ABSL_LOCKS_EXCLUDED(mu_);
  bool MustActLocked() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return ended_ || woken_; }
  bool ended() const ABSL_LOCKS_EXCLUDED(mu_);
  // True: there is more to trim.
  bool Step();

  EventLog* const log_;
  const TrimmerOptions options_;
  const OnFailed on_failed_;

  mutable absl::Mutex mu_;
  bool woken_ ABSL_GUARDED_BY(mu_) = true;
  bool ended_ ABSL_GUARDED_BY(mu_) = false;

  std::thread thread_;
};

}  // namespace carillon::log

#endif  // CARILLON_BROKER_LOG_TRIMMER_H_
