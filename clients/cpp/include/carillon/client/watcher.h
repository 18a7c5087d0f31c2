// The events of one filter, across restarts of the broker: the simple way to receive.
#ifndef CARILLON_CLIENT_WATCHER_H_
#define CARILLON_CLIENT_WATCHER_H_

#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/event_view.h"

namespace carillon::client {

struct WatcherOptions {
  v1::Filter filter;
  v1::StartPosition start;
  // When the stream breaks, open it again, once the broker can be reached, and resume. False: Run
  // returns, at once if the broker cannot be reached.
  bool reconnect = true;
  absl::Duration backoff_min = absl::Milliseconds(100);
  absl::Duration backoff_max = absl::Seconds(5);
};

class Watcher {
 public:
  // What it hears; members may be left empty. Called on the thread of Run. Returning false ends Run
  // with OK. Views live as long as the call that hands them over.
  struct Handler {
    std::function<bool(absl::Span<const wire::EventView>)> on_events;
    std::function<bool(const v1::Progress&)> on_progress;
    std::function<bool(const v1::Gap&)> on_gap;
    // The stream broke for a reason that may pass; it will be tried again, as soon as the broker
    // can be reached.
    std::function<bool(const absl::Status&)> on_disconnect;
  };

  Watcher(std::shared_ptr<Connection> connection, WatcherOptions options);
  // Not while Run runs.
  ~Watcher();

  Watcher(const Watcher&) = delete;
  Watcher& operator=(const Watcher&) = delete;

  // Receives until the handler says so, Cancel is called (then OK), or an error comes that no retry
  // mends: INVALID_ARGUMENT, OUT_OF_RANGE (the position is trimmed), UNAUTHENTICATED (twice, if the
  // token is in a file), PERMISSION_DENIED, UNIMPLEMENTED. One thread at a time; called again, it
  // resumes where it was.
  absl::Status Run(const Handler& handler);

  // For good. Any thread, also a signal handler's helper thread.
  void Cancel();

  // Where it would resume: moves with events, progress and gaps, after their handler call has
  // returned. Empty as long as there is none. For the thread of Run.
  std::string position() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_WATCHER_H_
