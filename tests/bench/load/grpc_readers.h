// gRPC streams of events whose messages are counted as they are.
#ifndef CARILLON_TESTS_BENCH_LOAD_GRPC_READERS_H_
#define CARILLON_TESTS_BENCH_LOAD_GRPC_READERS_H_

#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "tests/bench/load/grpc_bytes.h"

namespace carillon::bench {

struct ReaderPlan {
  std::string method;
  // What is sent when the stream is opened.
  std::string request;
  // The end of requests follows at once, as with a call that has just one.
  bool half_close = false;
  FieldCounter events;
  // Adds credentials.
  std::function<absl::Status(grpc::ClientContext*)> authorize;
};

// Streams of one kind, each on a channel of its own.
class GrpcReaders {
 public:
  GrpcReaders(std::vector<std::shared_ptr<grpc::Channel>> channels, ReaderPlan plan);
  ~GrpcReaders();

  // Waits until each stream has had its first message; both servers begin with one that tells that
  // the stream is in force.
  absl::Status AwaitFirstMessages(absl::Duration deadline);
  // Waits until all streams together have had so many events, or until the deadline. True: they
  // have.
  bool AwaitEvents(int64_t count, absl::Duration deadline);

  int64_t events() const { return events_.load(std::memory_order_relaxed); }
  int64_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  absl::Status status() const;

 private:
  class Reader;

  void OnMessage(const grpc::ByteBuffer& message, bool is_first);
  void OnDone(const grpc::Status& status);

  const ReaderPlan plan_;
  std::atomic<int64_t> events_ = 0;
  std::atomic<int64_t> bytes_ = 0;
  std::atomic<int64_t> wake_at_ = 0;
  mutable absl::Mutex mutex_;
  absl::CondVar changed_;
  size_t begun_ ABSL_GUARDED_BY(mutex_) = 0;
  size_t done_ ABSL_GUARDED_BY(mutex_) = 0;
  absl::Status status_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::unique_ptr<Reader>> readers_;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_GRPC_READERS_H_
