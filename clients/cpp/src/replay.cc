#include "carillon/client/replay.h"

#include <grpcpp/client_context.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "carillon/wire/error.h"
#include "src/event_batch_reader.h"
#include "src/subscribe_requests.h"

namespace carillon::client {

// Lives from Start until gRPC is done with it. A hold keeps the call from being done while Next may
// still start a read.
class Replay::Impl final : public grpc::ClientBidiReactor<v1::SubscribeRequest, grpc::ByteBuffer>,
                           public std::enable_shared_from_this<Impl> {
 public:
  Impl(std::shared_ptr<Connection> connection, ReplayOptions options,
       std::shared_ptr<ReplayHandler> handler)
      : connection_(std::move(connection)),
        handler_(std::move(handler)),
        requests_(MakeAddRequests(std::move(options.subscriptions))) {
    v1::StartDelivery& start = *requests_.emplace_back().mutable_start();
    start.mutable_start()->set_after(std::move(options.after));
    start.set_until(std::move(options.until));
  }

  void Start() ABSL_LOCKS_EXCLUDED(mu_);
  void Next() ABSL_LOCKS_EXCLUDED(mu_);
  void Cancel() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  enum class State { kNew, kReading, kPaused, kCancelled, kOver };

  void OnReadDone(bool ok) override ABSL_LOCKS_EXCLUDED(mu_);
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  // Whether to go on reading at once.
  bool HandOut();
  bool HandOutEvents();
  void GiveUp(absl::Status why);

  const std::shared_ptr<Connection> connection_;
  const std::shared_ptr<ReplayHandler> handler_;
  std::shared_ptr<Impl> self_;
  grpc::ClientContext context_;

  // Written one after the other.
  std::vector<v1::SubscribeRequest> requests_;
  size_t written_ = 0;

  // Of the read at hand.
  grpc::ByteBuffer response_;
  EventBatchReader reader_;
  std::vector<ReceivedEvent> received_;
  // Why it was given up; counts instead of the call's own status.
  absl::Status failure_;

  absl::Mutex mu_;
  State state_ ABSL_GUARDED_BY(mu_) = State::kNew;
};

void Replay::Impl::Start() {
  if (absl::Status status = connection_->Authorize(&context_); !status.ok()) {
    return handler_->OnDone(status);
  }
  self_ = shared_from_this();
  {
    absl::MutexLock lock(&mu_);
    state_ = State::kReading;
  }
  grpc::TemplatedGenericStub<v1::SubscribeRequest, grpc::ByteBuffer> stub(connection_->channel());
  stub.PrepareBidiStreamingCall(&context_, "/carillon.v1.EventService/Subscribe",
                                grpc::StubOptions(), this);
  AddHold();
  StartRead(&response_);
  StartWrite(&requests_.front());
  StartCall();
}

void Replay::Impl::Next() {
  {
    absl::MutexLock lock(&mu_);
    if (state_ != State::kPaused) return;
    state_ = State::kReading;
  }
  StartRead(&response_);
}

void Replay::Impl::Cancel() {
  bool paused;
  {
    absl::MutexLock lock(&mu_);
    if (state_ == State::kNew || state_ == State::kOver) return;
    paused = state_ == State::kPaused;
    state_ = State::kCancelled;
    context_.TryCancel();
  }
  // Reads go on until one fails: what has been received already still comes, and the call is not
  // done before it is taken.
  if (paused) StartRead(&response_);
}

void Replay::Impl::OnReadDone(bool ok) {
  bool cancelled;
  {
    absl::MutexLock lock(&mu_);
    cancelled = state_ == State::kCancelled;
    if (!ok) state_ = State::kOver;
  }
  if (!ok) return RemoveHold();
  // What comes after it was given up is passed over.
  if (cancelled || !failure_.ok() || HandOut()) StartRead(&response_);
}

bool Replay::Impl::HandOut() {
  const EventBatchReader::Content content = reader_.Read(response_);
  if (content == EventBatchReader::Content::kEvents) return HandOutEvents();
  v1::SubscribeResponse response;
  if (content == EventBatchReader::Content::kMalformed ||
      !response.ParseFromArray(reader_.bytes().data(), static_cast<int>(reader_.bytes().size()))) {
    GiveUp(absl::InternalError("the broker sent a response that cannot be read"));
  } else if (response.has_closed()) {
    GiveUp(wire::FromRpcStatus(response.closed().error()));
  } else if (response.has_gap()) {
    GiveUp(absl::OutOfRangeError("events of the replay are no longer kept"));
  }
  return true;
}

bool Replay::Impl::HandOutEvents() {
  received_.clear();
  for (size_t i = 0; i < reader_.events().size(); ++i) {
    received_.push_back({reader_.events()[i], reader_.MatchesOf(i)});
  }
  if (received_.empty()) return true;
  {
    // Before the handler is called: Next may come from another thread before that returns, and the
    // next events with it, so nothing is touched after the call.
    absl::MutexLock lock(&mu_);
    if (state_ == State::kCancelled) return true;
    state_ = State::kPaused;
  }
  handler_->OnEvents(received_);
  return false;
}

void Replay::Impl::GiveUp(absl::Status why) {
  failure_ = std::move(why);
  context_.TryCancel();
}

void Replay::Impl::OnWriteDone(bool ok) {
  if (ok && ++written_ < requests_.size()) StartWrite(&requests_[written_]);
}

void Replay::Impl::OnDone(const grpc::Status& status) {
  const absl::Status end = failure_.ok() ? wire::FromGrpcStatus(status) : failure_;
  const std::shared_ptr<ReplayHandler> handler = handler_;
  // Before the handler is told, who may let go of the connection then.
  self_.reset();
  handler->OnDone(end);
}

Replay::Replay(std::shared_ptr<Connection> connection, ReplayOptions options,
               std::shared_ptr<ReplayHandler> handler)
    : impl_(std::make_shared<Impl>(std::move(connection), std::move(options), std::move(handler))) {
}

Replay::~Replay() { impl_->Cancel(); }

void Replay::Start() { impl_->Start(); }

void Replay::Next() { impl_->Next(); }

}  // namespace carillon::client
