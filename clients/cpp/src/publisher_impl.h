// The state of a Publisher.
#ifndef CARILLON_CLIENTS_CPP_SRC_PUBLISHER_IMPL_H_
#define CARILLON_CLIENTS_CPP_SRC_PUBLISHER_IMPL_H_

#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "carillon/client/publisher.h"
#include "src/event_ids.h"
#include "src/publish_stream.h"
#include "src/retry.h"

namespace carillon::client {

// Callbacks are called where the stream's reads end up and where it is found to have ended, which
// is one place at a time: that keeps them in order.
class Publisher::Impl final : public PublishStreamOwner {
 public:
  Impl(std::shared_ptr<Connection> connection, PublisherOptions options);

  void Publish(v1::PublishStreamRequest request, Callback done) ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Finish() ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when nothing of this runs in another thread any more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);

  absl::Status OnAnswer(v1::PublishStreamResponse answer) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnReadsOver() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnStreamDone(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class State {
    // There is no stream; the next batch opens one.
    kIdle,
    // The timer will open one.
    kWaiting,
    kOpen,
    // It has ended or is about to: nothing may be written.
    kEnding,
  };

  struct Batch {
    std::shared_ptr<const v1::PublishStreamRequest> request;
    size_t bytes;
    Callback done;
  };

  bool HasRoomLocked(size_t bytes) const ABSL_SHARED_LOCKS_REQUIRED(mu_);
  bool HasFailedForGoodLocked() const ABSL_SHARED_LOCKS_REQUIRED(mu_) {
    return options_.stop_at_failure && !first_error_.ok();
  }
  void ScheduleConnectLocked(absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Connect() ABSL_LOCKS_EXCLUDED(mu_);
  // Writes the next batch, or half-closes when there will be none.
  void DriveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // How long to wait before trying again; nothing: it is over.
  std::optional<absl::Duration> RetryDelayLocked(const absl::Status& failure)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Tries again or fails what is not answered.
  void OnFailure(const absl::Status& failure) ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<Connection> connection_;
  const PublisherOptions options_;
  // For the thread that publishes.
  EventIds event_ids_;

  absl::Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kIdle;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  bool finishing_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<PublishStreamCall> stream_ ABSL_GUARDED_BY(mu_);
  // Not yet answered, in order; so many of them went to this stream.
  std::deque<Batch> batches_ ABSL_GUARDED_BY(mu_);
  size_t written_ ABSL_GUARDED_BY(mu_) = 0;
  size_t window_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  absl::Status first_error_ ABSL_GUARDED_BY(mu_);
  // Set while no answer has come since a failure.
  std::optional<absl::Time> give_up_ ABSL_GUARDED_BY(mu_);
  Timer timer_ ABSL_GUARDED_BY(mu_);
  Backoff backoff_ ABSL_GUARDED_BY(mu_);
  RenewedCredentials renewed_ ABSL_GUARDED_BY(mu_){*connection_};
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_PUBLISHER_IMPL_H_
