// Waiting and trying again.
#ifndef CARILLON_CLIENTS_CPP_SRC_RETRY_H_
#define CARILLON_CLIENTS_CPP_SRC_RETRY_H_

#include <grpcpp/alarm.h>

#include <functional>
#include <memory>

#include "absl/random/random.h"
#include "absl/status/status.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "carillon/client/connection.h"

namespace carillon::client {

// The waits between attempts: each twice the last, from `min` to `max`, less up to half of it at
// random so that many clients do not come back in step. After an attempt that lasted longer than
// `max` they begin anew. Not thread-safe.
class Backoff {
 public:
  Backoff(absl::Duration min, absl::Duration max) : min_(min), max_(max), next_(min) {}

  // At least what `failure` asks for by RetryInfo, but no more than `max`.
  absl::Duration Next(const absl::Status& failure, absl::Time now = absl::Now());
  void Reset() { next_ = min_; }

 private:
  const absl::Duration min_;
  const absl::Duration max_;
  absl::Duration next_;
  // When the last wait was over.
  absl::Time waited_until_ = absl::InfiniteFuture();
  absl::BitGen random_;
};

// A token that is read from a file for each call may have been renewed since it was refused, or
// read while it was being written: such a refusal is worth one more attempt. Not thread-safe.
class RenewedCredentials {
 public:
  explicit RenewedCredentials(const Connection& connection)
      : can_be_renewed_(connection.rereads_credentials()) {}

  // Whether another attempt may mend `failure`.
  bool MayMend(const absl::Status& failure);
  void WereAccepted() { refused_ = false; }

 private:
  const bool can_be_renewed_;
  bool refused_ = false;
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
