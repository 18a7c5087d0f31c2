// EventService.Publish and EventService.PublishStream.
#ifndef CARILLON_BROKER_SERVICE_PUBLISH_CALL_H_
#define CARILLON_BROKER_SERVICE_PUBLISH_CALL_H_

#include <grpcpp/server_context.h>
#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/server_callback.h>

#include <list>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "broker/access/session.h"
#include "broker/service/call_context.h"
#include "broker/service/publish_results.h"

namespace carillon::service {

// Deletes itself when gRPC is done with it, as does the next.
class PublishCall final : public grpc::ServerUnaryReactor {
 public:
  PublishCall(grpc::CallbackServerContext* context, const CallContext* call_context,
              const grpc::ByteBuffer* request, grpc::ByteBuffer* response);
  void OnDone() override;

 private:
  void Begin(const absl::StatusOr<access::Identity>& identity);

  const CallContext* const call_context_;
  const grpc::ByteBuffer* const request_;
  grpc::ByteBuffer* const response_;
  BatchVerdict verdict_;
};

// Requests are read one at a time and answered in order. Reading stops while too many bytes of the
// stream await their commit, while the commit queue is full, or until a lone request is answered:
// to read on costs a packet, which neither the answer nor the events should wait for. The call
// outlives every callback of the committer: it is not finished before they have come.
class PublishStreamCall final : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
                                public EndableCall {
 public:
  PublishStreamCall(grpc::CallbackServerContext* context, const CallContext* call_context);

  void EndSoon(const absl::Status& status) override { EndWith(status); }
  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

 private:
  // A request, from its arrival until its answer is written. Counts against the stream's budget all
  // that time.
  struct Pending {
    BatchVerdict verdict;
    log::CommitRequest commit;
    size_t bytes = 0;
    // Set when the answer is ready.
    std::optional<std::string> answer;
  };

  absl::Status Begin(absl::StatusOr<access::SessionPtr> session);
  // Checks the request that was read. Not OK: the stream is to end.
  absl::Status Handle();
  void Submit(Pending* pending);
  void OnCommitted(Pending* pending, const absl::Status& status,
                   absl::Span<const log::AppendOutcome> outcomes);
  void EndWith(const absl::Status& status) ABSL_LOCKS_EXCLUDED(mu_);
  // Changes the state by `change`, under the lock, and starts what can be started then.
  template <typename Change>
  void Update(Change change) ABSL_LOCKS_EXCLUDED(mu_);
  // Starts the next write and the next read, if their time has come. A status: it is time to finish
  // with it.
  std::optional<grpc::Status> DriveLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);

  const CallContext* const call_context_;
  // Set before the first read, with a place taken.
  access::SessionPtr session_;
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;

  absl::Mutex mu_;
  std::list<Pending> pending_ ABSL_GUARDED_BY(mu_);
  size_t pending_bytes_ ABSL_GUARDED_BY(mu_) = 0;
  // Callbacks of the committer that are still to come.
  int commits_ ABSL_GUARDED_BY(mu_) = 0;
  // It is known who calls.
  bool open_ ABSL_GUARDED_BY(mu_) = false;
  // A read is under way, or the request it brought is being handled, waits for room in the commit
  // queue, or is to be answered first.
  bool reading_ ABSL_GUARDED_BY(mu_) = false;
  // The latter.
  bool reads_after_answer_ ABSL_GUARDED_BY(mu_) = false;
  // The caller's credentials or a request are being handled, on whichever thread, and refer to
  // this.
  bool handling_ ABSL_GUARDED_BY(mu_) = true;
  bool writing_ ABSL_GUARDED_BY(mu_) = false;
  bool half_closed_ ABSL_GUARDED_BY(mu_) = false;
  bool cancelled_ ABSL_GUARDED_BY(mu_) = false;
  bool finished_ ABSL_GUARDED_BY(mu_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_PUBLISH_CALL_H_
