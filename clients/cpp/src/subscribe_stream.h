// One Subscribe call.
#ifndef CARILLON_CLIENTS_CPP_SRC_SUBSCRIBE_STREAM_H_
#define CARILLON_CLIENTS_CPP_SRC_SUBSCRIBE_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/client_callback.h>

#include "absl/status/status.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.pb.h"
#include "src/event_batch_reader.h"

namespace carillon::client {

// Hears what happens on a SubscribeStream, in threads of gRPC and one call at a time; only
// OnWriteDone may come beside another.
class SubscribeStreamOwner {
 public:
  // False: the response makes no sense, the stream is given up.
  [[nodiscard]] virtual bool OnResponse(EventBatchReader::Content content,
                                        const EventBatchReader& reader) = 0;
  virtual void OnWriteDone(bool ok) = 0;
  // No write may be started from here on.
  virtual void OnReadsOver() = 0;
  // The last call; may destroy the stream.
  virtual void OnStreamDone(const absl::Status& status) = 0;

 protected:
  ~SubscribeStreamOwner() = default;
};

// Reads all the time; that also keeps the call from being done while another thread starts a write,
// which is allowed until OnReadsOver.
class SubscribeStream final
    : public grpc::ClientBidiReactor<v1::SubscribeRequest, grpc::ByteBuffer> {
 public:
  explicit SubscribeStream(SubscribeStreamOwner* owner) : owner_(owner) {}

  // An error: the call was not started, the stream is to be destroyed.
  absl::Status Open(const Connection& connection);
  // One at a time.
  void Write(v1::SubscribeRequest request);
  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  SubscribeStreamOwner* const owner_;
  grpc::ClientContext context_;
  v1::SubscribeRequest request_;
  grpc::ByteBuffer response_;
  EventBatchReader reader_;
  absl::Status failure_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_SUBSCRIBE_STREAM_H_
