#include "src/watch_stream.h"

#include "carillon/wire/error.h"
#include "src/retry.h"

namespace carillon::client {

WatchStream::~WatchStream() {
  queue_.Shutdown();
  Wait();
}

absl::Status WatchStream::Open(const Connection& connection, const v1::WatchRequest& request,
                               bool wait_for_connection) {
  context_.set_wait_for_ready(wait_for_connection);
  if (absl::Status status = connection.Authorize(&context_); !status.ok()) return status;
  Stub stub(connection.channel());
  call_ = stub.PrepareCall(&context_, "/carillon.v1.EventService/Watch", &queue_);
  call_->StartCall(nullptr);
  over_ = !Wait();
  if (over_) return absl::OkStatus();
  call_->WriteLast(request, grpc::WriteOptions(), nullptr);
  over_ = !Wait();
  return absl::OkStatus();
}

bool WatchStream::Read(grpc::ByteBuffer* response) {
  if (over_) return false;
  call_->Read(response, nullptr);
  over_ = !Wait();
  return !over_;
}

absl::Status WatchStream::Finish() {
  if (!over_) Cancel();
  grpc::Status status;
  call_->Finish(&status, nullptr);
  Wait();
  return WhyStreamEnded(wire::FromGrpcStatus(status));
}

bool WatchStream::Wait() {
  void* tag;
  bool ok;
  return queue_.Next(&tag, &ok) && ok;
}

}  // namespace carillon::client
