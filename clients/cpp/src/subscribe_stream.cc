#include "src/subscribe_stream.h"

#include <grpcpp/generic/generic_stub.h>

#include <utility>

#include "carillon/v1/event_service.grpc.pb.h"
#include "carillon/wire/error.h"
#include "src/retry.h"

namespace carillon::client {

absl::Status SubscribeStream::Open(const Connection& connection) {
  if (absl::Status status = connection.Authorize(&context_); !status.ok()) return status;
  grpc::TemplatedGenericStub<v1::SubscribeRequest, grpc::ByteBuffer> stub(connection.channel());
  stub.PrepareBidiStreamingCall(&context_, "/carillon.v1.EventService/Subscribe",
                                grpc::StubOptions(), this);
  StartRead(&response_);
  StartCall();
  return absl::OkStatus();
}

void SubscribeStream::Write(v1::SubscribeRequest request) {
  request_ = std::move(request);
  StartWrite(&request_);
}

void SubscribeStream::OnReadDone(bool ok) {
  if (!ok) return owner_->OnReadsOver();
  if (failure_.ok() && !owner_->OnResponse(reader_.Read(response_), reader_)) {
    failure_ = absl::InternalError("the broker sent a response that cannot be read");
    context_.TryCancel();
  }
  StartRead(&response_);
}

void SubscribeStream::OnWriteDone(bool ok) { owner_->OnWriteDone(ok); }

void SubscribeStream::OnDone(const grpc::Status& status) {
  owner_->OnStreamDone(failure_.ok() ? WhyStreamEnded(wire::FromGrpcStatus(status)) : failure_);
}

}  // namespace carillon::client
