// A gRPC server on loopback whose streams follow scripts: what a client does is seen from the other
// side of a real connection.
#ifndef CARILLON_TESTS_UNIT_CLIENT_FAKE_BROKER_H_
#define CARILLON_TESTS_UNIT_CLIENT_FAKE_BROKER_H_

#include <grpcpp/server.h>

#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::client {

// How long a test waits for what is to happen.
inline constexpr absl::Duration kTestDeadline = absl::Seconds(20);

v1::Event MakeEvent(const std::string& key, const std::string& position = "");
v1::SubscribeResponse EventsFor(int64_t subscription_id, std::vector<v1::Event> events);
v1::SubscribeResponse ProgressTo(const std::string& position);

// A stream of the broker's side.
template <typename Request, typename Response>
class FakeStream {
 public:
  explicit FakeStream(grpc::ServerReaderWriter<Response, Request>* stream) : stream_(stream) {}

  // Nothing: the client is gone or has closed its side.
  std::optional<Request> Read() {
    Request request;
    if (!stream_->Read(&request)) return std::nullopt;
    return request;
  }
  void Write(const Response& response) { stream_->Write(response); }
  // Until the client is gone or has closed its side.
  void ReadToEnd() {
    while (Read().has_value()) continue;
  }

 private:
  grpc::ServerReaderWriter<Response, Request>* const stream_;
};

using FakeSubscribe = FakeStream<v1::SubscribeRequest, v1::SubscribeResponse>;
using FakePublish = FakeStream<v1::PublishStreamRequest, v1::PublishStreamResponse>;

// Reads requests up to StartDelivery, answering the greeting of the stream. What was asked for.
struct SubscribeOpening {
  std::vector<v1::Subscription> subscriptions;
  int add_requests = 0;
  v1::StartPosition start;
};
// Nothing: the client went away before.
std::optional<SubscribeOpening> ReadOpening(FakeSubscribe& stream);
// Answers the greeting alone. False: the client went away.
bool AnswerGreeting(FakeSubscribe& stream);

class FakeBroker final : public v1::EventService::Service {
 public:
  using SubscribeScript = std::function<absl::Status(FakeSubscribe&)>;
  using PublishScript = std::function<absl::Status(FakePublish&)>;
  using WatchScript =
      std::function<absl::Status(const v1::WatchRequest&, grpc::ServerWriter<v1::WatchResponse>*)>;

  // Listens at `address`; port 0: any.
  explicit FakeBroker(const std::string& address = "127.0.0.1:0");
  ~FakeBroker() override;

  const std::string& address() const { return address_; }
  // Without TLS.
  std::shared_ptr<Connection> Connect(ConnectionOptions options = {}) const;

  // The next calls follow these, one each; a call without a script waits for the client to go away.
  void OnSubscribe(SubscribeScript script) ABSL_LOCKS_EXCLUDED(mu_);
  void OnPublishStream(PublishScript script) ABSL_LOCKS_EXCLUDED(mu_);
  void OnWatch(WatchScript script) ABSL_LOCKS_EXCLUDED(mu_);

  // The "authorization" of each call so far.
  std::vector<std::string> authorizations() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  grpc::Status Subscribe(
      grpc::ServerContext* context,
      grpc::ServerReaderWriter<v1::SubscribeResponse, v1::SubscribeRequest>* stream) override;
  grpc::Status PublishStream(grpc::ServerContext* context,
                             grpc::ServerReaderWriter<v1::PublishStreamResponse,
                                                      v1::PublishStreamRequest>* stream) override;
  grpc::Status Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                     grpc::ServerWriter<v1::WatchResponse>* writer) override;
  grpc::Status GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest* request,
                         v1::GetStatusResponse* response) override;

  void NoteCall(const grpc::ServerContext& context) ABSL_LOCKS_EXCLUDED(mu_);

  std::string address_;
  mutable absl::Mutex mu_;
  std::deque<SubscribeScript> subscribe_scripts_ ABSL_GUARDED_BY(mu_);
  std::deque<PublishScript> publish_scripts_ ABSL_GUARDED_BY(mu_);
  std::deque<WatchScript> watch_scripts_ ABSL_GUARDED_BY(mu_);
  std::vector<std::string> authorizations_ ABSL_GUARDED_BY(mu_);
  std::unique_ptr<grpc::Server> server_;
};

}  // namespace carillon::client

#endif  // CARILLON_TESTS_UNIT_CLIENT_FAKE_BROKER_H_
