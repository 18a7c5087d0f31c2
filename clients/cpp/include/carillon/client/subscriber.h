// A Subscribe stream that lives through restarts of the broker.
#ifndef CARILLON_CLIENT_SUBSCRIBER_H_
#define CARILLON_CLIENT_SUBSCRIBER_H_

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/event_view.h"

namespace carillon::client {

// An event as it arrived. Views live as long as the call that hands it over.
struct ReceivedEvent {
  wire::EventView event;
  absl::Span<const int64_t> subscription_ids;
};

// Hears what comes on the stream. Calls come one at a time, in stream order, from threads of the
// library, of which a process has a few for all: they should return soon, and may call Add and
// Remove but neither Publisher::Publish, which may wait for such a thread, nor destroy the
// Subscriber.
class SubscriberHandler {
 public:
  virtual ~SubscriberHandler() = default;

  // The stream is (again) open. `done` is to be called once, from any thread, with the
  // subscriptions that are to be in force from the resume position on; what has to be done before
  // (such as ResumeSessions) is done before. Add and Remove calls made from now on follow behind
  // them. A `done` of a stream that broke meanwhile does nothing.
  virtual void OnConnected(std::function<void(std::vector<v1::Subscription>)> done) = 0;
  // The stream broke or could not be opened; the subscriber is trying again. `status` says why.
  virtual void OnDisconnected(const absl::Status& status) = 0;

  virtual void OnEvents(absl::Span<const ReceivedEvent> events) = 0;
  // They see every event that is committed from now on; those of OnConnected, every one from the
  // resume position on.
  virtual void OnAdded(const v1::SubscriptionsAdded& added) = 0;
  virtual void OnRemoved(const v1::SubscriptionsRemoved& removed) = 0;
  virtual void OnClosed(const v1::SubscriptionsClosed& closed) = 0;
  virtual void OnProgress(const v1::Progress& progress) = 0;
  // Events are missing. `until` is set: retention overtook the stream, or did so while it was
  // disconnected (event_count is then 0: unknown). `until` is empty: the broker's log is another
  // one than before, nobody knows what is missing, and the stream goes on with the next event to be
  // committed.
  virtual void OnGap(const v1::Gap& gap) = 0;
  virtual void OnSessionChange(const v1::SessionChange& change) = 0;
};

struct SubscriberOptions {
  v1::StartPosition start;
  // Wait between attempts: doubles from the first to the last, with jitter.
  absl::Duration backoff_min = absl::Milliseconds(100);
  absl::Duration backoff_max = absl::Seconds(5);
  // Bytes of requests (Add, Remove) that may wait to be written.
  size_t pending_bytes_max = 64 << 20;
};

// Tries again after any failure, refused credentials included, since they can be renewed in place.
class Subscriber {
 public:
  // `handler` must outlive it.
  Subscriber(std::shared_ptr<Connection> connection, SubscriberOptions options,
             SubscriberHandler* handler);
  // Ends the stream, and waits for a call of the handler that is under way; none comes after it.
  // The caller keeps `connection` until every `done` has returned: a thread of gRPC cannot close
  // it.
  ~Subscriber();

  Subscriber(const Subscriber&) = delete;
  Subscriber& operator=(const Subscriber&) = delete;

  // Once.
  void Start();

  // Sent while connected, otherwise refused with UNAVAILABLE: OnConnected will ask for what is to
  // be in force. RESOURCE_EXHAUSTED: pending_bytes_max; nothing of it is sent. Any thread.
  absl::Status Add(std::vector<v1::Subscription> subscriptions);
  absl::Status Remove(std::vector<int64_t> subscription_ids);

  // Where it would resume: moves with events, progress and gaps, after their handler call has
  // returned. Empty as long as there is none. Any thread.
  std::string position() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_SUBSCRIBER_H_
