#include "wsfacade/hub/broker_calls.h"

#include <chrono>
#include <utility>

#include "absl/time/clock.h"
#include "carillon/wire/error.h"

namespace carillon::facade {

template <typename Request, typename Response>
struct BrokerCalls::Call {
  std::unique_ptr<grpc::ClientContext> context = std::make_unique<grpc::ClientContext>();
  Request request;
  Response response;
  Callback<Response> done;
};

BrokerCalls::BrokerCalls(std::shared_ptr<client::Connection> connection)
    : connection_(std::move(connection)),
      sessions_(v1::SessionService::NewStub(connection_->channel())),
      accounts_(v1::AccountService::NewStub(connection_->channel())),
      events_(v1::EventService::NewStub(connection_->channel())) {}

BrokerCalls::~BrokerCalls() { Stop(); }

void BrokerCalls::Stop() {
  absl::MutexLock lock(&mu_);
  stopped_ = true;
  for (grpc::ClientContext* context : under_way_) context->TryCancel();
  mu_.Await(absl::Condition(
      +[](absl::flat_hash_set<grpc::ClientContext*>* calls) { return calls->empty(); },
      &under_way_));
}

bool BrokerCalls::Begin(grpc::ClientContext* context) {
  absl::MutexLock lock(&mu_);
  if (stopped_) return false;
  under_way_.insert(context);
  return true;
}

void BrokerCalls::End(std::unique_ptr<grpc::ClientContext> context) {
  absl::MutexLock lock(&mu_);
  under_way_.erase(context.get());
  // Before Stop returns: it holds the channel, and a thread of gRPC that destroys the last one of
  // all waits for itself.
  context.reset();
}

template <typename Request, typename Response, typename Stub, typename Method>
void BrokerCalls::Run(Stub* stub, Method method, const std::string* authorization, Request request,
                      Patience patience, Callback<Response> done) {
  auto call = std::make_shared<Call<Request, Response>>();
  call->request = std::move(request);
  call->done = std::move(done);
  call->context->set_deadline(absl::ToChronoTime(absl::Now() + patience.timeout));
  call->context->set_wait_for_ready(patience.wait_for_connection);
  if (authorization != nullptr) {
    call->context->AddMetadata("authorization", *authorization);
  } else if (absl::Status status = connection_->Authorize(call->context.get()); !status.ok()) {
    // The facade's own fault, not the user's.
    return call->done(absl::UnavailableError(status.message()));
  }
  if (!Begin(call->context.get())) return call->done(absl::CancelledError("the server is ending"));
  (stub->async()->*method)(call->context.get(), &call->request, &call->response,
                           [this, call](grpc::Status status) {
                             absl::Status result = wire::FromGrpcStatus(status);
                             if (result.ok()) {
                               call->done(std::move(call->response));
                             } else {
                               call->done(std::move(result));
                             }
                             // What the callback holds goes before Stop returns.
                             call->done = nullptr;
                             End(std::move(call->context));
                           });
}

namespace {

// The member function of a generated stub's async interface.
template <typename Async, typename Request, typename Response>
using Method = void (Async::*)(grpc::ClientContext*, const Request*, Response*,
                               std::function<void(grpc::Status)>);

}  // namespace

void BrokerCalls::OpenSession(v1::OpenSessionRequest request, Patience patience,
                              Callback<v1::OpenSessionResponse> done) {
  const Method<v1::SessionService::StubInterface::async_interface, v1::OpenSessionRequest,
               v1::OpenSessionResponse>
      method = &v1::SessionService::StubInterface::async_interface::OpenSession;
  Run(sessions_.get(), method, nullptr, std::move(request), patience, std::move(done));
}

void BrokerCalls::ResumeSessions(v1::ResumeSessionsRequest request, Patience patience,
                                 Callback<v1::ResumeSessionsResponse> done) {
  const Method<v1::SessionService::StubInterface::async_interface, v1::ResumeSessionsRequest,
               v1::ResumeSessionsResponse>
      method = &v1::SessionService::StubInterface::async_interface::ResumeSessions;
  Run(sessions_.get(), method, nullptr, std::move(request), patience, std::move(done));
}

void BrokerCalls::CloseSessions(v1::CloseSessionsRequest request, Patience patience,
                                Callback<v1::CloseSessionsResponse> done) {
  const Method<v1::SessionService::StubInterface::async_interface, v1::CloseSessionsRequest,
               v1::CloseSessionsResponse>
      method = &v1::SessionService::StubInterface::async_interface::CloseSessions;
  Run(sessions_.get(), method, nullptr, std::move(request), patience, std::move(done));
}

void BrokerCalls::GrantToken(const std::string& authorization, v1::GrantTokenRequest request,
                             Patience patience, Callback<v1::GrantTokenResponse> done) {
  const Method<v1::AccountService::StubInterface::async_interface, v1::GrantTokenRequest,
               v1::GrantTokenResponse>
      method = &v1::AccountService::StubInterface::async_interface::GrantToken;
  Run(accounts_.get(), method, &authorization, std::move(request), patience, std::move(done));
}

void BrokerCalls::Publish(const std::string& authorization, v1::PublishRequest request,
                          Patience patience, Callback<v1::PublishResponse> done) {
  const Method<v1::EventService::StubInterface::async_interface, v1::PublishRequest,
               v1::PublishResponse>
      method = &v1::EventService::StubInterface::async_interface::Publish;
  Run(events_.get(), method, &authorization, std::move(request), patience, std::move(done));
}

void BrokerCalls::GetStatus(const std::string& authorization, Patience patience,
                            Callback<v1::GetStatusResponse> done) {
  const Method<v1::EventService::StubInterface::async_interface, v1::GetStatusRequest,
               v1::GetStatusResponse>
      method = &v1::EventService::StubInterface::async_interface::GetStatus;
  Run(events_.get(), method, &authorization, v1::GetStatusRequest(), patience, std::move(done));
}

}  // namespace carillon::facade
