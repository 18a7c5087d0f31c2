// Sends events to a server; which one and how is the subclass's.
#ifndef CARILLON_TESTS_BENCH_LOAD_PUBLISHER_H_
#define CARILLON_TESTS_BENCH_LOAD_PUBLISHER_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/client/connection.h"
#include "tests/bench/load/event_loop.h"

namespace carillon::bench {

// One thread.
class Publisher {
 public:
  virtual ~Publisher() = default;
  // Sends `count` events, stamped now and numbered from where the last call ended, without waiting.
  virtual void Publish(int64_t count) = 0;
  // What has gone wrong so far.
  virtual absl::Status status() const = 0;
};

// Over TCP, served by the loop. `dialect`: nats or mqtt.
absl::StatusOr<std::unique_ptr<Publisher>> MakeTcpPublisher(EventLoop* loop,
                                                            absl::string_view dialect,
                                                            absl::string_view address,
                                                            size_t event_size);

// Over a PublishStream, `batch` events in a request.
std::unique_ptr<Publisher> MakeCarillonPublisher(std::shared_ptr<client::Connection> connection,
                                                 size_t event_size, int64_t batch);

// Puts of keys under `key_prefix`; `batch` of them in a transaction, of which etcd takes at most
// 128.
std::unique_ptr<Publisher> MakeEtcdPublisher(std::shared_ptr<grpc::Channel> channel,
                                             std::string key_prefix, size_t event_size,
                                             int64_t batch);

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_PUBLISHER_H_
