// The gRPC side of a stream that receives events, the same for Subscribe and Watch.
#ifndef CARILLON_BROKER_SERVICE_DELIVERY_CALL_H_
#define CARILLON_BROKER_SERVICE_DELIVERY_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "broker/delivery/dispatcher.h"
#include "broker/service/call_context.h"
#include "carillon/wire/error.h"

namespace carillon::service {

// Encodes a message of an outbox, and counts it.
grpc::ByteBuffer EncodeMessage(const delivery::OutboxMessage& message, DeliveryMetrics* metrics);

// `Reactor` is a ServerBidiReactor or ServerWriteReactor of ByteBuffers. Deletes itself when gRPC
// is done with it.
//
// At most one write is under way. The end comes from the dispatcher (OnComplete, or OnEnd after it
// closed the outbox) or from the client (OnCancel); Finish is called once, when nothing is being
// written any more and nothing is left in the outbox.
template <class Reactor>
class DeliveryCall : public Reactor, public delivery::StreamWriter {
 public:
  DeliveryCall(grpc::CallbackServerContext* context, const CallContext* call_context)
      : context_(context), call_context_(call_context) {}

  void OnOutboxFilled() override { WriteNext(); }
  void OnComplete() override ABSL_LOCKS_EXCLUDED(mu_) {
    {
      absl::MutexLock lock(&mu_);
      complete_ = true;
    }
    FinishIfEnded();
  }
  void OnEnd(const absl::Status& status) override { EndWith(status); }
  void OnCutOff() override { context_->TryCancel(); }

  void OnWriteDone(bool ok) override {
    // It may hold blocks of the log. Another thread may write as soon as the outbox is told.
    response_.Clear();
    subscriber_->outbox.WriteDone();
    if (!ok) {
      EndWith(absl::CancelledError("the client is gone"));
      return;
    }
    if (FinishIfEnded()) return;
    WriteNext();
    if (subscriber_->HasWantedRoom() && subscriber_->wants_room.exchange(false)) {
      call_context_->dispatcher->RoomAvailable(subscriber_);
    }
  }

  void OnCancel() override { EndWith(absl::CancelledError("the client is gone")); }

  void OnDone() override {
    if (subscriber_ != nullptr) {
      subscriber_->Detach();
      call_context_->dispatcher->Close(subscriber_);
    }
    call_context_->active_calls->Leave(nullptr, nullptr);
    delete this;
  }

 protected:
  // To be called when it is known who calls, or that the call is refused; the last thing its caller
  // does. Until then the call is not finished, since the answer still refers to it.
  void AuthenticationDone() { FinishIfEnded(/*authenticated=*/true); }

  // Registers the stream with the dispatcher. False: it has ended, or was ended with an error.
  bool OpenStream(delivery::StreamKind kind, access::SessionPtr session) ABSL_LOCKS_EXCLUDED(mu_) {
    const delivery::SubscriberPtr subscriber =
        call_context_->dispatcher->MakeSubscriber(kind, std::move(session), this);
    {
      absl::MutexLock lock(&mu_);
      if (end_.has_value()) return false;
      subscriber_ = subscriber;
    }
    const absl::Status status = call_context_->dispatcher->Open(subscriber);
    if (status.ok()) return true;
    {
      absl::MutexLock lock(&mu_);
      subscriber_ = nullptr;
    }
    EndWith(status);
    return false;
  }

  // The first status counts. What ends it again, such as a write that fails, may be what the finish
  // has waited for.
  void EndWith(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_) {
    delivery::SubscriberPtr subscriber;
    {
      absl::MutexLock lock(&mu_);
      if (!end_.has_value()) end_ = status;
      subscriber = subscriber_;
    }
    if (subscriber != nullptr) subscriber->outbox.Close();
    FinishIfEnded();
  }

  const delivery::SubscriberPtr& subscriber() const { return subscriber_; }
  const CallContext& call_context() const { return *call_context_; }
  grpc::CallbackServerContext* context() const { return context_; }
  // Guards Finish against a read that is started at the same time.
  absl::Mutex& mutex() ABSL_LOCK_RETURNED(mu_) { return mu_; }
  bool finished() const ABSL_SHARED_LOCKS_REQUIRED(mu_) { return finished_; }

 private:
  void WriteNext() {
    std::optional<delivery::OutboxMessage> message = subscriber_->outbox.TakeForWriting();
    if (!message.has_value()) return;
    response_ = EncodeMessage(*message, call_context_->delivery_metrics);
    this->StartWrite(&response_);
  }

  // Whether the stream has ended and nothing is left to be written. Under one lock, since as soon
  // as it is `authenticated` another thread may finish it, and gRPC delete this.
  bool FinishIfEnded(bool authenticated = false) ABSL_LOCKS_EXCLUDED(mu_) {
    absl::Status end;
    {
      absl::MutexLock lock(&mu_);
      if (authenticated) authenticating_ = false;
      if (!end_.has_value() && !complete_) return false;
      if (finished_) return true;
      if (authenticating_) return false;
      // Nothing is put into a closed one, so nothing is written from here on.
      if (subscriber_ != nullptr && !subscriber_->outbox.CloseIfIdle()) return false;
      finished_ = true;
      end = end_.value_or(absl::OkStatus());
    }
    // Outside of the lock: once it is called, another thread may delete this.
    this->Finish(wire::ToGrpcStatus(end));
    return true;
  }

  grpc::CallbackServerContext* const context_;
  const CallContext* const call_context_;
  // Set before the dispatcher, whose thread writes, knows of it, and before the first read.
  delivery::SubscriberPtr subscriber_;
  grpc::ByteBuffer response_;

  mutable absl::Mutex mu_;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
  // Ends with OK unless something else ends it before all is written.
  bool complete_ ABSL_GUARDED_BY(mu_) = false;
  bool authenticating_ ABSL_GUARDED_BY(mu_) = true;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_DELIVERY_CALL_H_
