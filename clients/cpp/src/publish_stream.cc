#include "src/publish_stream.h"

#include <utility>

#include "carillon/v1/event_service.grpc.pb.h"
#include "carillon/wire/error.h"

namespace carillon::client {

absl::Status PublishStreamCall::Open(const Connection& connection) {
  if (absl::Status status = connection.Authorize(&context_); !status.ok()) return status;
  v1::EventService::NewStub(connection.channel())->async()->PublishStream(&context_, this);
  StartRead(&response_);
  StartCall();
  return absl::OkStatus();
}

void PublishStreamCall::Write(std::shared_ptr<const v1::PublishStreamRequest> request) {
  request_ = std::move(request);
  StartWrite(request_.get());
}

void PublishStreamCall::OnReadDone(bool ok) {
  if (!ok) return owner_->OnReadsOver();
  if (failure_.ok()) {
    failure_ = owner_->OnAnswer(std::move(response_));
    if (!failure_.ok()) context_.TryCancel();
  }
  StartRead(&response_);
}

void PublishStreamCall::OnWriteDone(bool ok) { owner_->OnWriteDone(ok); }

void PublishStreamCall::OnDone(const grpc::Status& status) {
  owner_->OnStreamDone(failure_.ok() ? wire::FromGrpcStatus(status) : failure_);
}

}  // namespace carillon::client
