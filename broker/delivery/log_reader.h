// Reads the log for streams that catch up, so that the dispatcher never waits for a disk.
#ifndef CARILLON_BROKER_DELIVERY_LOG_READER_H_
#define CARILLON_BROKER_DELIVERY_LOG_READER_H_

#include <deque>
#include <functional>
#include <thread>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/log/event_log.h"

namespace carillon::delivery {

class LogReader {
 public:
  // `log` must outlive it.
  explicit LogReader(const log::EventLog* log);
  ~LogReader();

  // Reads as EventLog::Read does and calls `done` on the reader's thread. Reads are served in the
  // order of the calls; a caller bounds their number by asking for one at a time for each stream.
  // After Stop `done` is not called.
  void Read(uint64_t after, size_t bytes,
            std::function<void(absl::StatusOr<log::EventBlockPtr>)> done) ABSL_LOCKS_EXCLUDED(mu_);
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  struct Request {
    uint64_t after;
    size_t bytes;
    std::function<void(absl::StatusOr<log::EventBlockPtr>)> done;
  };

  void Run();
  bool HasWork() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_) {
    return stopping_ || !requests_.empty();
  }

  const log::EventLog* const log_;
  absl::Mutex mu_;
  std::deque<Request> requests_ ABSL_GUARDED_BY(mu_);
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  std::thread thread_;
};

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_LOG_READER_H_
