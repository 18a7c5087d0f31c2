// Waiting and trying again.
#ifndef CARILLON_CLIENTS_CPP_SRC_RETRY_H_
#define CARILLON_CLIENTS_CPP_SRC_RETRY_H_

#include <grpcpp/alarm.h>

#include <functional>
#include <memory>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/time/time.h"

namespace carillon::client {

// The waits between attempts: each twice the last, from `min` to `max`, less up to half of it at
// random so that many clients do not come back in step. Not thread-safe.
class Backoff {
 public:
  Backoff(absl::Duration min, absl::Duration max) : min_(min), max_(max), next_(min) {}

  // At least what `failure` asks for by RetryInfo, but no more than `max`.
  absl::Duration Next(const absl::Status& failure);
  void Reset() { next_ = min_; }

 private:
  const absl::Duration min_;
  const absl::Duration max_;
  absl::Duration next_;
  absl::BitGen random_;
};

// Runs functions later, on threads of gRPC. Not thread-safe; may be destroyed by what it runs.
class Timer {
 public:
  // `run` is called after `delay`, or soon after Cancel. One at a time: the last one has run.
  void Set(absl::Duration delay, std::function<void()> run);
  void Cancel();

 private:
  std::unique_ptr<grpc::Alarm> alarm_;
};

// A broker that ends a stream without an error is about to go away.
absl::Status WhyStreamEnded(const absl::Status& status);

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_RETRY_H_
