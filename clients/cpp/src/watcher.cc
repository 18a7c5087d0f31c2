#include "carillon/client/watcher.h"

#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "src/event_batch_reader.h"
#include "src/retry.h"
#include "src/watch_stream.h"

namespace carillon::client {
namespace {

// An absent function has nothing against going on.
template <typename Function, typename... Arguments>
bool Call(const Function& function, const Arguments&... arguments) {
  return !function || function(arguments...);
}

}  // namespace

class Watcher::Impl {
 public:
  Impl(std::shared_ptr<Connection> connection, WatcherOptions options)
      : connection_(std::move(connection)),
        options_(std::move(options)),
        start_(options_.start),
        backoff_(options_.backoff_min, options_.backoff_max) {}

  absl::Status Run(const Handler& handler);
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);
  std::string position() const { return start_.after(); }

 private:
  // Why the stream ended; nothing: the handler has had enough, or Cancel was called.
  std::optional<absl::Status> RunStream(const Handler& handler) ABSL_LOCKS_EXCLUDED(mu_);
  // Whether to go on. An error: the response makes no sense.
  absl::StatusOr<bool> HandOut(const grpc::ByteBuffer& buffer, const Handler& handler);
  bool HandOut(const v1::WatchResponse& response, const Handler& handler);
  void MoveTo(absl::string_view position);
  // Whether another attempt may mend it.
  bool IsWorthARetry(const absl::Status& failure);
  // False: cancelled, at once or before; the stream is not attached then.
  bool AttachStream(WatchStream* stream) ABSL_LOCKS_EXCLUDED(mu_);
  bool WaitCancelled(absl::Duration timeout) ABSL_LOCKS_EXCLUDED(mu_);

  const std::shared_ptr<Connection> connection_;
  const WatcherOptions options_;

  // For the thread of Run.
  v1::StartPosition start_;
  // A stream was opened before. The next one waits for the connection: it is this stream's queue
  // that drives it, so that one who gave up each time would never be connected.
  bool again_ = false;
  Backoff backoff_;
  RenewedCredentials renewed_{*connection_};
  EventBatchReader reader_;

  absl::Mutex mu_;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  WatchStream* stream_ ABSL_GUARDED_BY(mu_) = nullptr;
};

absl::Status Watcher::Impl::Run(const Handler& handler) {
  while (true) {
    const std::optional<absl::Status> ended = RunStream(handler);
    if (!ended.has_value() || WaitCancelled(absl::ZeroDuration())) return absl::OkStatus();
    if (!options_.reconnect || !IsWorthARetry(*ended)) return *ended;
    if (!Call(handler.on_disconnect, *ended)) return absl::OkStatus();
    if (WaitCancelled(backoff_.Next(*ended))) return absl::OkStatus();
  }
}

bool Watcher::Impl::IsWorthARetry(const absl::Status& failure) {
  switch (failure.code()) {
    case absl::StatusCode::kUnauthenticated:
      return renewed_.MayMend(failure);
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnimplemented:
      return false;
    default:
      return true;
  }
}

void Watcher::Impl::Cancel() {
  absl::MutexLock lock(&mu_);
  cancelled_ = true;
  if (stream_ != nullptr) stream_->Cancel();
}

bool Watcher::Impl::AttachStream(WatchStream* stream) {
  absl::MutexLock lock(&mu_);
  stream_ = cancelled_ ? nullptr : stream;
  return !cancelled_;
}

bool Watcher::Impl::WaitCancelled(absl::Duration timeout) {
  absl::MutexLock lock(&mu_);
  return mu_.AwaitWithTimeout(absl::Condition(&cancelled_), timeout);
}

std::optional<absl::Status> Watcher::Impl::RunStream(const Handler& handler) {
  v1::WatchRequest request;
  *request.mutable_filter() = options_.filter;
  *request.mutable_start() = start_;
  WatchStream stream;
  if (!AttachStream(&stream)) return std::nullopt;
  absl::Status opened = stream.Open(*connection_, request, again_ && options_.reconnect);
  again_ = true;
  absl::StatusOr<bool> go_on = true;
  absl::Status ended;
  if (opened.ok()) {
    grpc::ByteBuffer buffer;
    while (go_on.ok() && *go_on && stream.Read(&buffer)) go_on = HandOut(buffer, handler);
    ended = stream.Finish();
  }
  AttachStream(nullptr);
  if (!opened.ok()) return opened;
  if (!go_on.ok()) return go_on.status();
  return *go_on ? std::make_optional(ended) : std::nullopt;
}

absl::StatusOr<bool> Watcher::Impl::HandOut(const grpc::ByteBuffer& buffer,
                                            const Handler& handler) {
  const EventBatchReader::Content content = reader_.Read(buffer);
  if (content == EventBatchReader::Content::kEvents) {
    if (reader_.events().empty()) return true;
    const bool go_on = Call(handler.on_events, reader_.events());
    MoveTo(reader_.events().back().position);
    return go_on;
  }
  v1::WatchResponse response;
  if (content == EventBatchReader::Content::kMalformed ||
      !response.ParseFromArray(reader_.bytes().data(), static_cast<int>(reader_.bytes().size()))) {
    return absl::InternalError("the broker sent a response that cannot be read");
  }
  return HandOut(response, handler);
}

bool Watcher::Impl::HandOut(const v1::WatchResponse& response, const Handler& handler) {
  bool go_on = true;
  if (response.has_progress()) {
    go_on = Call(handler.on_progress, response.progress());
    MoveTo(response.progress().position());
  } else if (response.has_gap()) {
    go_on = Call(handler.on_gap, response.gap());
    MoveTo(response.gap().until());
  }
  return go_on;
}

void Watcher::Impl::MoveTo(absl::string_view position) {
  renewed_.WereAccepted();
  if (position.empty() || position == start_.after()) return;
  start_.mutable_after()->assign(position.data(), position.size());
  // This stream delivers.
  backoff_.Reset();
}

Watcher::Watcher(std::shared_ptr<Connection> connection, WatcherOptions options)
    : impl_(std::make_shared<Impl>(std::move(connection), std::move(options))) {}

Watcher::~Watcher() = default;

absl::Status Watcher::Run(const Handler& handler) { return impl_->Run(handler); }

void Watcher::Cancel() { impl_->Cancel(); }

std::string Watcher::position() const { return impl_->position(); }

}  // namespace carillon::client
