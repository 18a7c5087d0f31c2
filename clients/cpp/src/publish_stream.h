// One PublishStream call.
#ifndef CARILLON_CLIENTS_CPP_SRC_PUBLISH_STREAM_H_
#define CARILLON_CLIENTS_CPP_SRC_PUBLISH_STREAM_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/client_callback.h>

#include <memory>

#include "absl/status/status.h"
#include "carillon/client/connection.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::client {

// Hears what happens on a PublishStreamCall, in threads of gRPC and one call at a time; only
// OnWriteDone may come beside another.
class PublishStreamOwner {
 public:
  // An error: the response makes no sense, the stream is given up.
  [[nodiscard]] virtual absl::Status OnAnswer(v1::PublishStreamResponse answer) = 0;
  virtual void OnWriteDone(bool ok) = 0;
  // No write or half-close may be started from here on.
  virtual void OnReadsOver() = 0;
  // The last call; may destroy the stream.
  virtual void OnStreamDone(const absl::Status& status) = 0;

 protected:
  ~PublishStreamOwner() = default;
};

// Reads all the time; that also keeps the call from being done while another thread starts a write,
// which is allowed until OnReadsOver.
class PublishStreamCall final
    : public grpc::ClientBidiReactor<v1::PublishStreamRequest, v1::PublishStreamResponse> {
 public:
  explicit PublishStreamCall(PublishStreamOwner* owner) : owner_(owner) {}

  // An error: the call was not started, the stream is to be destroyed.
  absl::Status Open(const Connection& connection);
  // One at a time.
  void Write(std::shared_ptr<const v1::PublishStreamRequest> request);
  void HalfClose() { StartWritesDone(); }
  void Cancel() { context_.TryCancel(); }

 private:
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone(const grpc::Status& status) override;

  PublishStreamOwner* const owner_;
  grpc::ClientContext context_;
  std::shared_ptr<const v1::PublishStreamRequest> request_;
  v1::PublishStreamResponse response_;
  absl::Status failure_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_PUBLISH_STREAM_H_
