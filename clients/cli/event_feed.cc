#include "clients/cli/event_feed.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "carillon/client/event_json.h"
#include "clients/cli/exit_code.h"

namespace carillon::cli {
namespace {

// Every broker takes requests of 2 MiB: one more event that is not large fits in.
constexpr size_t kBatchBytesMax = 1 << 20;
constexpr size_t kLargeEventBytes = kBatchBytesMax - (64 << 10);

}  // namespace

EventFeed::EventFeed(std::shared_ptr<client::Connection> connection, EventFeedOptions options)
    : options_(std::move(options)),
      connection_(std::move(connection)),
      publisher_(connection_, options_.publisher) {}

EventFeedResult EventFeed::Run(LineReader* lines) {
  absl::Status input;
  for (;;) {
    absl::string_view line;
    const absl::StatusOr<bool> more = lines->Next(&line);
    if (absl::IsOutOfRange(more.status())) {
      absl::MutexLock lock(&mutex_);
      Refuse(lines->line_number(), more.status().message());
      continue;
    }
    input = more.status();
    if (!input.ok() || !*more || Failed()) break;
    AddLine(line, lines->line_number());
    const bool full = batch_.events_size() >= options_.batch_max || batch_bytes_ >= kBatchBytesMax;
    if (full || !lines->Ready()) SendBatch();
    DrawProgress(lines->bytes_read());
  }
  if (!Failed()) SendBatch();
  const absl::Status finished = publisher_.Finish();
  absl::MutexLock lock(&mutex_);
  progress_.Clear();
  result_.error.Update(input);
  result_.error.Update(finished);
  return result_;
}

void EventFeed::AddLine(absl::string_view line, int64_t number) {
  if (absl::StripAsciiWhitespace(line).empty()) return;
  absl::StatusOr<v1::Event> event = client::ParseEventJson(line, client::UnknownMembers::kRefuse);
  if (!event.ok()) {
    absl::MutexLock lock(&mutex_);
    Refuse(number, event.status().message());
    return;
  }
  const size_t bytes = event->ByteSizeLong();
  if (bytes > kLargeEventBytes) return SendLarge(*std::move(event), number);
  batch_bytes_ += bytes;
  batch_lines_.push_back(number);
  *batch_.add_events() = *std::move(event);
}

void EventFeed::SendBatch() {
  if (batch_.events().empty()) return;
  auto lines = std::make_shared<const std::vector<int64_t>>(std::move(batch_lines_));
  publisher_.Publish(std::exchange(batch_, {}),
                     [this, lines](const absl::StatusOr<v1::PublishStreamResponse>& answer) {
                       OnAnswer(*lines, answer);
                     });
  batch_lines_.clear();
  batch_bytes_ = 0;
}

void EventFeed::SendLarge(v1::Event event, int64_t line) {
  SendBatch();
  // What comes before it in the input comes before it in the log. Its error comes at the end.
  publisher_.Finish().IgnoreError();
  if (Failed()) return;
  v1::PublishStreamRequest request;
  *request.add_events() = std::move(event);
  client::Publisher publisher(connection_, options_.publisher);
  publisher.Publish(std::move(request),
                    [this, line](const absl::StatusOr<v1::PublishStreamResponse>& answer) {
                      if (!absl::IsResourceExhausted(answer.status())) {
                        return OnAnswer({line}, answer);
                      }
                      absl::MutexLock lock(&mutex_);
                      Refuse(line, absl::StrCat("larger than the broker takes, see its "
                                                "--request-bytes-max: ",
                                                answer.status().message()));
                    });
  publisher.Finish().IgnoreError();
}

void EventFeed::OnAnswer(const std::vector<int64_t>& lines,
                         const absl::StatusOr<v1::PublishStreamResponse>& answer) {
  absl::MutexLock lock(&mutex_);
  if (!answer.ok()) {
    result_.error.Update(answer.status());
    return;
  }
  for (int i = 0; i < answer->results_size(); ++i) {
    const v1::PublishResult& result = answer->results(i);
    if (result.has_error()) {
      Refuse(lines[static_cast<size_t>(i)], result.error().message());
    } else {
      ++result_.acknowledged;
      result_.duplicates += result.duplicate() ? 1 : 0;
    }
  }
}

void EventFeed::Refuse(int64_t line, absl::string_view reason) {
  ++result_.refused;
  progress_.Clear();
  PrintMessage(absl::StrCat(options_.name, ":", line, ": ", reason));
}

void EventFeed::DrawProgress(int64_t bytes) {
  absl::MutexLock lock(&mutex_);
  ProgressState state;
  state.bytes = bytes;
  state.bytes_total = options_.bytes_total;
  state.acknowledged = result_.acknowledged;
  state.refused = result_.refused;
  progress_.Draw(state);
}

bool EventFeed::Failed() const {
  absl::MutexLock lock(&mutex_);
  return !result_.error.ok();
}

}  // namespace carillon::cli
