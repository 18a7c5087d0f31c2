// A stretch of the log, read once and at the reader's pace.
#ifndef CARILLON_CLIENT_REPLAY_H_
#define CARILLON_CLIENT_REPLAY_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "carillon/client/connection.h"
#include "carillon/client/subscriber.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::client {

// Calls come in order, from threads of the library or from Start, and one at a time unless Next is
// called before OnEvents has returned.
class ReplayHandler {
 public:
  virtual ~ReplayHandler() = default;
  // The next events. No more are read until Replay::Next is called, which may be done as soon as
  // these are no longer looked at, by another thread also before this returns.
  virtual void OnEvents(absl::Span<const ReceivedEvent> events) = 0;
  // The last call. OK: all events up to `until` were handed out. OUT_OF_RANGE: some of them are no
  // longer kept. Else a subscription was refused, or the stream broke.
  virtual void OnDone(const absl::Status& status) = 0;
};

struct ReplayOptions {
  // All of them must be accepted.
  std::vector<v1::Subscription> subscriptions;
  // Positions: events after the first, up to and including the second.
  std::string after;
  std::string until;
};

// Any thread.
class Replay {
 public:
  // The caller keeps `connection` until OnDone too: a thread of gRPC cannot close it.
  Replay(std::shared_ptr<Connection> connection, ReplayOptions options,
         std::shared_ptr<ReplayHandler> handler);
  // Cancels, if it is not done. Does not wait: the handler is kept until it has heard OnDone.
  ~Replay();

  Replay(const Replay&) = delete;
  Replay& operator=(const Replay&) = delete;

  // Once. The first events are read without a Next.
  void Start();
  // Once after each OnEvents. As long as it is not called, what the broker has sent waits within
  // the limits of the stream's flow control, and a stream that breaks is not noticed.
  void Next();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_REPLAY_H_
