// What the calls of the broker's services work with.
#ifndef CARILLON_BROKER_SERVICE_CALL_CONTEXT_H_
#define CARILLON_BROKER_SERVICE_CALL_CONTEXT_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/access/access_control.h"
#include "broker/access/session.h"
#include "broker/access/stream_places.h"
#include "broker/delivery/dispatcher.h"
#include "broker/ingest/check_batch.h"
#include "broker/log/committer.h"
#include "broker/log/event_log.h"
#include "broker/service/call_auth.h"

namespace carillon::service {

// A call that lasts until its client wishes otherwise.
class EndableCall {
 public:
  virtual ~EndableCall() = default;
  // Must not block.
  virtual void EndSoon(const absl::Status& status) = 0;
};

// The calls that are under way, so that what they use can outlive them and a shutdown can end them.
// Any thread.
class ActiveCalls {
 public:
  // `call` is null if it ends by itself or somebody else ends it.
  void Enter(EndableCall* call) ABSL_LOCKS_EXCLUDED(mu_);
  // `session`: of SetSession, or null.
  void Leave(EndableCall* call, const access::Session* session) ABSL_LOCKS_EXCLUDED(mu_);
  // The call ends when its session, which is no other's, does. Between Enter and Leave.
  void SetSession(EndableCall* call, const access::Session& session) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends the calls of those of the sessions that have ended.
  void OnSessionsChanged(const std::vector<access::SessionPtr>& sessions) ABSL_LOCKS_EXCLUDED(mu_);
  // Ends the calls there are and, from now on, every other as it enters.
  void EndAll(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  // Waits until there are none.
  void AwaitNone() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  absl::Mutex mu_;
  int64_t count_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_set<EndableCall*> endable_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<const access::Session*, EndableCall*> by_session_ ABSL_GUARDED_BY(mu_);
  absl::Status end_ ABSL_GUARDED_BY(mu_);
};

// Counted by the calls, read by the metrics page. Any thread.
struct PublishMetrics {
  std::atomic<int64_t> events_received{0};
  std::atomic<int64_t> events_committed{0};
  std::atomic<int64_t> events_duplicate{0};
  std::atomic<int64_t> events_invalid{0};
  std::atomic<int64_t> events_denied{0};
  std::atomic<int64_t> events_not_committed{0};
  std::atomic<int64_t> streams{0};
};

struct DeliveryMetrics {
  std::atomic<int64_t> events_delivered{0};
  std::atomic<int64_t> bytes_delivered{0};
  std::atomic<int64_t> messages_delivered{0};
  // Seconds from commit to the hand-over to the stream, once for each block and stream.
  std::function<void(double)> observe_latency;
};

struct PublishLimits {
  ingest::IngestLimits ingest;
  // Of one stream, received and not yet committed; then the broker stops reading it.
  size_t stream_bytes_max = 8 << 20;
  size_t streams_max = 1'000;
};

// Everything outlives the calls.
struct CallContext {
  access::AccessControl* access;
  const CallAuth* auth;
  const log::EventLog* log;
  log::Committer* committer;
  delivery::Dispatcher* dispatcher;
  ActiveCalls* active_calls;
  PublishLimits publish_limits;
  PublishMetrics* publish_metrics;
  access::StreamPlaces* publish_places;
  DeliveryMetrics* delivery_metrics;
  absl::Time start_time;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_CALL_CONTEXT_H_
