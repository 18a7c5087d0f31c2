// carillon.v1.EventService.
#ifndef CARILLON_BROKER_SERVICE_EVENT_SERVICE_H_
#define CARILLON_BROKER_SERVICE_EVENT_SERVICE_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include "broker/service/call_context.h"
#include "carillon/v1/event_service.grpc.pb.h"

namespace carillon::service {

// Events come in and go out as raw bytes: no message object is built for them.
using EventServiceBase = v1::EventService::WithRawCallbackMethod_Publish<
    v1::EventService::WithRawCallbackMethod_PublishStream<
        v1::EventService::WithRawCallbackMethod_Subscribe<
            v1::EventService::WithRawCallbackMethod_Watch<
                v1::EventService::WithCallbackMethod_GetStatus<v1::EventService::Service>>>>>;

class EventService final : public EventServiceBase {
 public:
  // `call_context` must outlive the service.
  explicit EventService(const CallContext* call_context) : call_context_(call_context) {}

  grpc::ServerUnaryReactor* Publish(grpc::CallbackServerContext* context,
                                    const grpc::ByteBuffer* request,
                                    grpc::ByteBuffer* response) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* PublishStream(
      grpc::CallbackServerContext* context) override;
  grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>* Subscribe(
      grpc::CallbackServerContext* context) override;
  grpc::ServerWriteReactor<grpc::ByteBuffer>* Watch(grpc::CallbackServerContext* context,
                                                    const grpc::ByteBuffer* request) override;
  grpc::ServerUnaryReactor* GetStatus(grpc::CallbackServerContext* context,
                                      const v1::GetStatusRequest* request,
                                      v1::GetStatusResponse* response) override;

 private:
  const CallContext* const call_context_;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_EVENT_SERVICE_H_
