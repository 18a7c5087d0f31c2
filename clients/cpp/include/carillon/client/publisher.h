// Publishes batch after batch over one PublishStream that lives through restarts of the broker.
#ifndef CARILLON_CLIENT_PUBLISHER_H_
#define CARILLON_CLIENT_PUBLISHER_H_

#include <functional>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::client {

struct PublisherOptions {
  // Bytes of batches sent and not yet answered; Publish waits for room. A larger batch is sent by
  // itself.
  size_t window_bytes_max = 4 << 20;
  // When the stream breaks (UNAVAILABLE, an error with RetryInfo, or a token that may have been
  // renewed in its file), open it again and send what was not answered once more, until there has
  // been no answer for so long (then UNAVAILABLE). Events without an event_id are given one, so
  // that nothing is stored twice. Zero: a broken stream fails what was not answered.
  absl::Duration retry_for = absl::ZeroDuration();
  // Once a batch has failed, fail all that are published after it, so that none is stored behind a
  // hole. False: the next batch begins anew.
  bool stop_at_failure = false;
  absl::Duration backoff_min = absl::Milliseconds(100);
  absl::Duration backoff_max = absl::Seconds(5);
};

class Publisher {
 public:
  // Answers come in the order of the batches, one at a time, from threads of the library: a result
  // for each event. An error ends the stream, and with it all batches that were not answered: one
  // that the broker does not take (none or more than 10,000 events, or more bytes than its
  // --request-bytes-max) fails those behind it, too. Any of them may have been stored; publishing
  // them again is harmless if their events had ids.
  // It should return soon, since all callbacks of a process share a few threads. Neither it nor
  // what it holds may call Publish or Finish of any Publisher, which wait for such a thread, or
  // destroy this one. Not empty.
  using Callback = std::function<void(absl::StatusOr<v1::PublishStreamResponse>)>;

  // Opens the stream with the first batch, and again with the next one after a failure.
  Publisher(std::shared_ptr<Connection> connection, PublisherOptions options);
  // Cancels what was not answered: its callbacks get CANCELLED before the destructor returns.
  ~Publisher();

  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  // Blocks while the window is full. One thread at a time. `done` is called once.
  void Publish(v1::PublishStreamRequest batch, Callback done);

  // Waits until everything is answered and the stream is closed. Returns the first error that
  // failed a batch, if any. For the thread that publishes.
  absl::Status Finish();

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_PUBLISHER_H_
