// EventService.Subscribe and EventService.Watch.
#ifndef CARILLON_BROKER_SERVICE_SUBSCRIBE_CALL_H_
#define CARILLON_BROKER_SERVICE_SUBSCRIBE_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <vector>

#include "absl/status/statusor.h"
#include "broker/service/delivery_call.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::service {

class SubscribeCall final
    : public DeliveryCall<grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>> {
 public:
  SubscribeCall(grpc::CallbackServerContext* context, const CallContext* call_context);

  void OnReadDone(bool ok) override;
  void OnCommandDone() override { ReadNext(); }

 private:
  void Begin(absl::StatusOr<access::SessionPtr> session);
  void ReadNext();
  void Handle(const v1::SubscribeRequest& request);
  void Add(const v1::AddSubscriptions& add);
  // Why it is faulty, or why its session is not in force.
  absl::StatusOr<delivery::NewSubscription> Compile(const v1::Subscription& subscription, int index,
                                                    const access::Identity& own);

  grpc::ByteBuffer request_;
};

class WatchCall final : public DeliveryCall<grpc::ServerWriteReactor<grpc::ByteBuffer>> {
 public:
  WatchCall(grpc::CallbackServerContext* context, const CallContext* call_context,
            const grpc::ByteBuffer& request);

  void OnCommandDone() override {}

 private:
  void Begin(absl::StatusOr<access::SessionPtr> session);

  v1::WatchRequest request_;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_SUBSCRIBE_CALL_H_
