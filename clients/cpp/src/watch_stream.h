// One Watch call, used step by step from one thread.
#ifndef CARILLON_CLIENTS_CPP_SRC_WATCH_STREAM_H_
#define CARILLON_CLIENTS_CPP_SRC_WATCH_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/completion_queue.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/support/byte_buffer.h>

#include <memory>

#include "absl/status/status.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.grpc.pb.h"

namespace carillon::client {

// Only Cancel may be called from another thread.
class WatchStream {
 public:
  ~WatchStream();

  // Once, before anything else but Cancel. An error: nothing else may be called. With
  // `wait_for_connection` a broker that cannot be reached is waited for, else the stream ends.
  absl::Status Open(const Connection& connection, const v1::WatchRequest& request,
                    bool wait_for_connection);
  // Waits for the next response. False: the stream is over.
  bool Read(grpc::ByteBuffer* response);
  // Why it is over; without a Read that said so it is cancelled first. Once, after a good Open.
  absl::Status Finish();

  void Cancel() { context_.TryCancel(); }

 private:
  using Stub = grpc::TemplatedGenericStub<v1::WatchRequest, grpc::ByteBuffer>;

  // Waits for the one operation that is under way.
  bool Wait();

  grpc::ClientContext context_;
  grpc::CompletionQueue queue_;
  std::unique_ptr<grpc::ClientAsyncReaderWriter<v1::WatchRequest, grpc::ByteBuffer>> call_;
  bool over_ = false;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_WATCH_STREAM_H_
