// The state of a Subscriber. A cycle of: wait, open a stream, hand out what comes, hear why it
// ended.
#ifndef CARILLON_CLIENTS_CPP_SRC_SUBSCRIBER_IMPL_H_
#define CARILLON_CLIENTS_CPP_SRC_SUBSCRIBER_IMPL_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "carillon/client/subscriber.h"
#include "src/event_batch_reader.h"
#include "src/retry.h"
#include "src/subscribe_requests.h"
#include "src/subscribe_stream.h"

namespace carillon::client {

// Everything but Start, Stop, Enqueue, position and the `done` of OnConnected runs in threads of
// gRPC, one call at a time but for OnWriteDone, so that the handler's calls are in order.
class Subscriber::Impl final : public SubscribeStreamOwner,
                               public std::enable_shared_from_this<Impl> {
 public:
  Impl(std::shared_ptr<Connection> connection, SubscriberOptions options,
       SubscriberHandler* handler);

  void Start() ABSL_LOCKS_EXCLUDED(mu_);
  // Returns when nothing of this runs in another thread any more.
  void Stop() ABSL_LOCKS_EXCLUDED(mu_);
  absl::Status Enqueue(std::vector<v1::SubscribeRequest> requests) ABSL_LOCKS_EXCLUDED(mu_);
  std::string position() const ABSL_LOCKS_EXCLUDED(mu_);

  bool OnResponse(EventBatchReader::Content content, const EventBatchReader& reader) override;
  void OnWriteDone(bool ok) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnReadsOver() override ABSL_LOCKS_EXCLUDED(mu_);
  void OnStreamDone(const absl::Status& status) override ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class State {
    kDown,
    // The stream was started; the broker has not said anything yet.
    kOpening,
    // OnConnected was called, its `done` was not.
    kPreparing,
    kDelivering,
  };

  struct Skip {
    v1::StartPosition next;
    v1::Gap gap;
  };

  struct Pending {
    v1::SubscribeRequest request;
    // What it counts towards pending_bytes_max.
    size_t bytes = 0;
  };

  void Connect() ABSL_LOCKS_EXCLUDED(mu_);
  void RetryAfter(const absl::Status& failure) ABSL_LOCKS_EXCLUDED(mu_);
  void ScheduleConnectLocked(absl::Duration delay) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void WriteNextLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  void AnnounceStream() ABSL_LOCKS_EXCLUDED(mu_);
  void BeginDelivery(uint64_t stream_number, std::vector<v1::Subscription> subscriptions)
      ABSL_LOCKS_EXCLUDED(mu_);
  void HandOutEvents(const EventBatchReader& reader) ABSL_LOCKS_EXCLUDED(mu_);
  bool HandOut(const v1::SubscribeResponse& response) ABSL_LOCKS_EXCLUDED(mu_);
  void HandOutEarlyAdded();
  void MoveTo(absl::string_view position) ABSL_LOCKS_EXCLUDED(mu_);
  // If `failure` says that the resume position is of no use any more: where to go on, and what is
  // missing.
  std::optional<Skip> SkipOf(const absl::Status& failure) const ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<Connection> connection_;
  const SubscriberOptions options_;
  SubscriberHandler* const handler_;
  // Reused from batch to batch.
  std::vector<ReceivedEvent> received_;
  // What was added before delivery began and is not handed out yet. The answer to the start decides
  // from where these see; a start with "now" might still pass over what is committed before it.
  v1::SubscriptionsAdded early_added_;

  mutable absl::Mutex mu_;
  // From Start until nothing goes on any more.
  bool running_ ABSL_GUARDED_BY(mu_) = false;
  bool stopping_ ABSL_GUARDED_BY(mu_) = false;
  State state_ ABSL_GUARDED_BY(mu_) = State::kDown;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  uint64_t stream_number_ ABSL_GUARDED_BY(mu_) = 0;
  std::unique_ptr<SubscribeStream> stream_ ABSL_GUARDED_BY(mu_);
  std::deque<Pending> pending_ ABSL_GUARDED_BY(mu_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  v1::StartPosition start_ ABSL_GUARDED_BY(mu_);
  Timer timer_ ABSL_GUARDED_BY(mu_);
  Backoff backoff_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_SUBSCRIBER_IMPL_H_
