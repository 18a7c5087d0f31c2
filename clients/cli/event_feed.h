// Publishes a stream of events, one a line, in batches.
#ifndef CARILLON_CLIENTS_CLI_EVENT_FEED_H_
#define CARILLON_CLIENTS_CLI_EVENT_FEED_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "carillon/client/publisher.h"
#include "clients/cli/line_reader.h"
#include "clients/cli/progress.h"

namespace carillon::cli {

struct EventFeedOptions {
  // What messages call the input: "events.jsonl".
  std::string name;
  // Events in a batch, at most.
  int64_t batch_max = 256;
  // Size of the input for the progress bar; 0: unknown.
  int64_t bytes_total = 0;
  client::PublisherOptions publisher;
};

// What became of a feed.
struct EventFeedResult {
  int64_t acknowledged = 0;
  // Of those: were there already, under their event_id.
  int64_t duplicates = 0;
  // Lines that hold no event, and events that the broker refused.
  int64_t refused = 0;
  // The input could not be read, or a batch failed as a whole: nothing after it was sent.
  absl::Status error;
};

// A batch goes out when it is full or when the input has nothing more at the moment. A line that
// cannot be published is reported on stderr with its number and the reason; the others go in.
class EventFeed {
 public:
  EventFeed(std::shared_ptr<client::Connection> connection, EventFeedOptions options);

  // Reads `lines` to their end and waits for all acknowledgements. Once.
  EventFeedResult Run(LineReader* lines);

 private:
  void AddLine(absl::string_view line, int64_t number);
  void SendBatch();
  // By itself: if it is larger than the broker takes, it is the only one that fails.
  void SendLarge(v1::Event event, int64_t line);
  void OnAnswer(const std::vector<int64_t>& lines,
                const absl::StatusOr<v1::PublishStreamResponse>& answer);
  void Refuse(int64_t line, absl::string_view reason) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void DrawProgress(int64_t bytes);
  bool Failed() const;

  const EventFeedOptions options_;
  const std::shared_ptr<client::Connection> connection_;
  v1::PublishStreamRequest batch_;
  size_t batch_bytes_ = 0;
  std::vector<int64_t> batch_lines_;

  mutable absl::Mutex mutex_;
  EventFeedResult result_ ABSL_GUARDED_BY(mutex_);
  ProgressLine progress_ ABSL_GUARDED_BY(mutex_);
  // Last: its callbacks use the rest.
  client::Publisher publisher_;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_EVENT_FEED_H_
