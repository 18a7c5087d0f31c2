#include "broker/service/event_service.h"

#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "broker/log/position.h"
#include "broker/service/event_call_auth.h"
#include "broker/service/publish_call.h"
#include "broker/service/subscribe_call.h"
#include "carillon/wire/error.h"
#include "deploy/program/version.h"

namespace carillon::service {
namespace {

void FillStatus(const CallContext& context, v1::GetStatusResponse* response) {
  const log::LogBounds bounds = context.log->bounds();
  const uint32_t epoch = context.log->epoch();
  const delivery::DispatcherStats& stats = context.dispatcher->stats();
  response->set_version(std::string(program::Version()));
  response->set_log_id(absl::StrFormat("%08x", epoch));
  response->set_earliest_position(log::PositionString({epoch, bounds.first_sequence - 1}));
  response->set_latest_position(log::PositionString({epoch, bounds.last_sequence}));
  response->set_event_count(static_cast<int64_t>(bounds.last_sequence + 1 - bounds.first_sequence));
  response->set_event_bytes(static_cast<int64_t>(bounds.record_bytes));
  response->set_stream_count(stats.streams);
  response->set_subscription_count(stats.subscriptions);
  response->mutable_start_time()->set_seconds(absl::ToUnixSeconds(context.start_time));
}

}  // namespace

grpc::ServerUnaryReactor* EventService::Publish(grpc::CallbackServerContext* context,
                                                const grpc::ByteBuffer* request,
                                                grpc::ByteBuffer* response) {
  call_context_->active_calls->Enter(nullptr);
  return new PublishCall(context, call_context_, request, response);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EventService::PublishStream(
    grpc::CallbackServerContext* context) {
  return new PublishStreamCall(context, call_context_);
}

grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* EventService::Subscribe(
    grpc::CallbackServerContext* context) {
  call_context_->active_calls->Enter(nullptr);
  return new SubscribeCall(context, call_context_);
}

grpc::ServerWriteReactor<grpc::ByteBuffer>* EventService::Watch(
    grpc::CallbackServerContext* context, const grpc::ByteBuffer* request) {
  call_context_->active_calls->Enter(nullptr);
  return new WatchCall(context, call_context_, *request);
}

grpc::ServerUnaryReactor* EventService::GetStatus(grpc::CallbackServerContext* context,
                                                  const v1::GetStatusRequest* /*request*/,
                                                  v1::GetStatusResponse* response) {
  grpc::ServerUnaryReactor* reactor = context->DefaultReactor();
  AuthenticateEventCall(
      context, *call_context_, "carillon.v1.EventService/GetStatus",
      [this, reactor, response](const absl::StatusOr<access::Identity>& identity) {
        if (!identity.ok()) {
          return reactor->Finish(wire::ToGrpcStatus(identity.status()));
        }
        FillStatus(*call_context_, response);
        response->set_principal(identity->principal());
        reactor->Finish(grpc::Status::OK);
      });
  return reactor;
}

}  // namespace carillon::service
