// Publishers over gRPC.
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <algorithm>
#include <deque>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "tests/bench/load/event_text.h"
#include "tests/bench/load/grpc_bytes.h"
#include "tests/bench/load/publisher.h"

namespace carillon::bench {
namespace {

void AddEvent(const EventText& text, v1::PublishStreamRequest* request) {
  v1::Event* const event = request->add_events();
  event->mutable_time()->set_seconds(kEventSeconds);
  event->mutable_time()->set_nanos(kEventNanos);
  event->set_type(kEventType);
  event->set_action(kEventAction);
  event->set_key(kEventKey);
  const absl::string_view object = text.object();
  event->set_object(object.data(), object.size());
}

absl::Status FromGrpc(const grpc::Status& status) {
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

class CarillonPublisher
    : public Publisher,
      private grpc::ClientBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse> {
 public:
  CarillonPublisher(std::shared_ptr<client::Connection> connection, size_t event_size,
                    int64_t batch)
      : connection_(std::move(connection)),
        stub_(v1::EventService::NewStub(connection_->channel())),
        batch_(batch),
        event_(event_size) {
    status_ = connection_->Authorize(&context_);
    stub_->async()->PublishStream(&context_, this);
    // For the writes, which begin outside of reactions.
    AddHold();
    StartRead(&response_);
    StartCall();
  }

  ~CarillonPublisher() override {
    context_.TryCancel();
    RemoveHold();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(&done_));
  }

  void Publish(int64_t count) override {
    for (; count > 0; count -= batch_) Send(std::min(count, batch_));
  }

  absl::Status status() const override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  void Send(int64_t count) {
    v1::PublishStreamRequest request;
    Stamp stamp = {next_number_, MonotonicNanos()};
    for (int64_t i = 0; i < count; ++i, ++stamp.number) {
      event_.Write(stamp);
      AddEvent(event_, &request);
    }
    next_number_ = stamp.number;
    absl::MutexLock lock(&mutex_);
    waiting_.push_back(std::move(request));
    if (waiting_.size() == 1) StartWrite(&waiting_.front());
  }

  void OnWriteDone(bool ok) override {
    absl::MutexLock lock(&mutex_);
    waiting_.pop_front();
    if (ok && !waiting_.empty()) StartWrite(&waiting_.front());
  }

  void OnReadDone(bool ok) override {
    if (!ok) return;
    for (const v1::PublishResult& result : response_.results()) {
      if (!result.has_error()) continue;
      absl::MutexLock lock(&mutex_);
      status_.Update(
          absl::InternalError(absl::StrCat("an event was refused: ", result.error().message())));
    }
    StartRead(&response_);
  }

  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    status_.Update(FromGrpc(status));
    done_ = true;
  }

  const std::shared_ptr<client::Connection> connection_;
  const std::unique_ptr<v1::EventService::Stub> stub_;
  const int64_t batch_;
  EventText event_;
  uint64_t next_number_ = 0;
  grpc::ClientContext context_;
  v1::PublishStreamResponse response_;
  mutable absl::Mutex mutex_;
  // The first one is being written.
  std::deque<v1::PublishStreamRequest> waiting_ ABSL_GUARDED_BY(mutex_);
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  bool done_ ABSL_GUARDED_BY(mutex_) = false;
};

class EtcdPublisher : public Publisher {
 public:
  EtcdPublisher(std::shared_ptr<grpc::Channel> channel, std::string key_prefix, size_t event_size,
                int64_t batch)
      : stub_(std::move(channel)),
        key_prefix_(std::move(key_prefix)),
        batch_(batch),
        event_(event_size) {}

  ~EtcdPublisher() override {
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(
        +[](int* in_flight) { return *in_flight == 0; }, &in_flight_));
  }

  void Publish(int64_t count) override {
    for (; count > 0; count -= batch_) {
      if (batch_ == 1) {
        Call("/etcdserverpb.KV/Put", PutRequest(next_number_ % kKeys));
      } else {
        Call("/etcdserverpb.KV/Txn", Transaction(std::min(count, batch_)));
      }
    }
  }

  absl::Status status() const override {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

 private:
  static constexpr uint64_t kKeys = 128;

  struct Exchange {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };

  // PutRequest: bytes key = 1, value = 2.
  std::string PutRequest(uint64_t key) {
    event_.Write({next_number_++, MonotonicNanos()});
    std::string put;
    AppendBytesField(1, absl::StrCat(key_prefix_, key), &put);
    AppendBytesField(2, event_.whole(), &put);
    return put;
  }

  // TxnRequest: repeated RequestOp success = 2; RequestOp: PutRequest request_put = 2.
  std::string Transaction(int64_t puts) {
    std::string transaction;
    for (int64_t key = 0; key < puts; ++key) {
      std::string operation;
      AppendBytesField(2, PutRequest(static_cast<uint64_t>(key)), &operation);
      AppendBytesField(2, operation, &transaction);
    }
    return transaction;
  }

  void Call(const char* method, absl::string_view request) {
    auto exchange = std::make_shared<Exchange>();
    exchange->request = MakeByteBuffer(request);
    {
      absl::MutexLock lock(&mutex_);
      ++in_flight_;
    }
    stub_.UnaryCall(&exchange->context, method, grpc::StubOptions(), &exchange->request,
                    &exchange->response, [this, exchange](const grpc::Status& status) {
                      absl::MutexLock lock(&mutex_);
                      status_.Update(FromGrpc(status));
                      --in_flight_;
                    });
  }

  grpc::GenericStub stub_;
  const std::string key_prefix_;
  const int64_t batch_;
  EventText event_;
  uint64_t next_number_ = 0;
  mutable absl::Mutex mutex_;
  int in_flight_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace

std::unique_ptr<Publisher> MakeCarillonPublisher(std::shared_ptr<client::Connection> connection,
                                                 size_t event_size, int64_t batch) {
  return std::make_unique<CarillonPublisher>(std::move(connection), event_size, batch);
}

std::unique_ptr<Publisher> MakeEtcdPublisher(std::shared_ptr<grpc::Channel> channel,
                                             std::string key_prefix, size_t event_size,
                                             int64_t batch) {
  return std::make_unique<EtcdPublisher>(std::move(channel), std::move(key_prefix), event_size,
                                         batch);
}

}  // namespace carillon::bench
