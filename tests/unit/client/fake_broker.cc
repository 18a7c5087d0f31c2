#include "tests/unit/client/fake_broker.h"

#include <grpcpp/security/server_credentials.h>
#include <grpcpp/server_builder.h>
#include <gtest/gtest.h>

#include <chrono>
#include <utility>

#include "carillon/wire/error.h"

namespace carillon::client {
namespace {

template <typename Script>
std::optional<Script> TakeNext(std::deque<Script>* scripts) {
  if (scripts->empty()) return std::nullopt;
  Script script = std::move(scripts->front());
  scripts->pop_front();
  return script;
}

}  // namespace

v1::Event MakeEvent(const std::string& key, const std::string& position) {
  v1::Event event;
  event.set_type("machines");
  event.set_action("save");
  event.set_key(key);
  event.set_position(position);
  return event;
}

v1::SubscribeResponse EventsFor(int64_t subscription_id, std::vector<v1::Event> events) {
  v1::SubscribeResponse response;
  for (v1::Event& event : events) {
    *response.mutable_events()->add_events() = std::move(event);
    response.mutable_events()->add_matches()->add_subscription_ids(subscription_id);
  }
  return response;
}

v1::SubscribeResponse ProgressTo(const std::string& position) {
  v1::SubscribeResponse response;
  response.mutable_progress()->set_position(position);
  return response;
}

bool AnswerGreeting(FakeSubscribe& stream) {
  const std::optional<v1::SubscribeRequest> greeting = stream.Read();
  if (!greeting.has_value()) return false;
  EXPECT_TRUE(greeting->has_remove()) << greeting->ShortDebugString();
  v1::SubscribeResponse removed;
  *removed.mutable_removed()->mutable_subscription_ids() = greeting->remove().subscription_ids();
  stream.Write(removed);
  return true;
}

std::optional<SubscribeOpening> ReadOpening(FakeSubscribe& stream) {
  if (!AnswerGreeting(stream)) return std::nullopt;
  SubscribeOpening opening;
  while (std::optional<v1::SubscribeRequest> request = stream.Read()) {
    if (request->has_start()) {
      opening.start = request->start().start();
      return opening;
    }
    EXPECT_TRUE(request->has_add()) << request->ShortDebugString();
    ++opening.add_requests;
    for (v1::Subscription& subscription : *request->mutable_add()->mutable_subscriptions()) {
      opening.subscriptions.push_back(std::move(subscription));
    }
  }
  return std::nullopt;
}

FakeBroker::FakeBroker(const std::string& address) {
  grpc::ServerBuilder builder;
  int port = 0;
  builder.AddListeningPort(address, grpc::InsecureServerCredentials(), &port);
  builder.RegisterService(this);
  server_ = builder.BuildAndStart();
  EXPECT_NE(server_, nullptr) << "cannot listen at " << address;
  address_ = "127.0.0.1:" + std::to_string(port);
}

FakeBroker::~FakeBroker() { server_->Shutdown(std::chrono::system_clock::now()); }

std::shared_ptr<Connection> FakeBroker::Connect(ConnectionOptions options) const {
  options.broker = address_;
  options.plaintext = true;
  absl::StatusOr<std::shared_ptr<Connection>> connection = Connection::Open(options);
  EXPECT_TRUE(connection.ok()) << connection.status();
  return *std::move(connection);
}

void FakeBroker::OnSubscribe(SubscribeScript script) {
  absl::MutexLock lock(&mu_);
  subscribe_scripts_.push_back(std::move(script));
}

void FakeBroker::OnPublishStream(PublishScript script) {
  absl::MutexLock lock(&mu_);
  publish_scripts_.push_back(std::move(script));
}

void FakeBroker::OnWatch(WatchScript script) {
  absl::MutexLock lock(&mu_);
  watch_scripts_.push_back(std::move(script));
}

std::vector<std::string> FakeBroker::authorizations() const {
  absl::MutexLock lock(&mu_);
  return authorizations_;
}

void FakeBroker::NoteCall(const grpc::ServerContext& context) {
  const auto found = context.client_metadata().find("authorization");
  absl::MutexLock lock(&mu_);
  authorizations_.push_back(found == context.client_metadata().end()
                                ? ""
                                : std::string(found->second.data(), found->second.size()));
}

grpc::Status FakeBroker::Subscribe(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::SubscribeResponse, v1::SubscribeRequest>* stream) {
  NoteCall(*context);
  std::optional<SubscribeScript> script;
  {
    absl::MutexLock lock(&mu_);
    script = TakeNext(&subscribe_scripts_);
  }
  FakeSubscribe side(stream);
  if (script.has_value()) return wire::ToGrpcStatus((*script)(side));
  side.ReadToEnd();
  return grpc::Status::OK;
}

grpc::Status FakeBroker::PublishStream(
    grpc::ServerContext* context,
    grpc::ServerReaderWriter<v1::PublishStreamResponse, v1::PublishStreamRequest>* stream) {
  NoteCall(*context);
  std::optional<PublishScript> script;
  {
    absl::MutexLock lock(&mu_);
    script = TakeNext(&publish_scripts_);
  }
  FakePublish side(stream);
  if (script.has_value()) return wire::ToGrpcStatus((*script)(side));
  side.ReadToEnd();
  return grpc::Status::OK;
}

grpc::Status FakeBroker::Watch(grpc::ServerContext* context, const v1::WatchRequest* request,
                               grpc::ServerWriter<v1::WatchResponse>* writer) {
  NoteCall(*context);
  std::optional<WatchScript> script;
  {
    absl::MutexLock lock(&mu_);
    script = TakeNext(&watch_scripts_);
  }
  if (script.has_value()) return wire::ToGrpcStatus((*script)(*request, writer));
  return wire::ToGrpcStatus(absl::FailedPreconditionError("the test has no script for this call"));
}

grpc::Status FakeBroker::GetStatus(grpc::ServerContext* context, const v1::GetStatusRequest*,
                                   v1::GetStatusResponse* response) {
  NoteCall(*context);
  response->set_version("fake");
  return grpc::Status::OK;
}

}  // namespace carillon::client
