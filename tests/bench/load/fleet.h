// Many websockets that all receive the same events.
#ifndef CARILLON_TESTS_BENCH_LOAD_FLEET_H_
#define CARILLON_TESTS_BENCH_LOAD_FLEET_H_

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "clients/cli/latency_histogram.h"
#include "tests/bench/load/event_text.h"
#include "tests/bench/load/subscriber.h"

namespace carillon::bench {

struct FleetPlan {
  SubscriberPlan subscriber;
  int64_t connections = 100;
  // Registrations of each: the first matches all events, the others none.
  int64_t registrations = 1;
  // Those others differ from connection to connection, too.
  bool distinct_registrations = false;
  // Connections that may be on their way to being live at a time.
  int64_t connecting_max = 64;
  size_t event_size = 500;
};

// One thread, that of the loop.
class Fleet : private SubscriberOwner {
 public:
  Fleet(EventLoop* loop, FleetPlan plan);

  // Goes on connecting; to be called between turns of the loop. An error: connections were refused
  // or broke.
  absl::Status Pump();
  bool all_live() const { return live_ == plan_.connections; }

  // From now on a connection that closes is no error.
  void ExpectClose() { expect_close_ = true; }
  bool all_closed() const { return live_ == 0 && connecting_ == 0; }
  // Connects all again, as soon as one connection gets through; all at once. One that fails tries
  // again a second later, as browsers do.
  void Reconnect();
  // When the first of the reconnected got through, a monotonic time; 0: none yet.
  uint64_t reconnected_ns() const { return reconnected_ns_; }
  // Of them, attempts that failed.
  int64_t failed_attempts() const { return failed_attempts_; }

  // Latencies are counted of events from this number on, which will be sent.
  void MeasureFrom(uint64_t number) { measure_from_ = number; }

  // Of all connections together.
  int64_t deliveries() const { return deliveries_; }
  int64_t bytes() const { return bytes_; }
  // Events that did not come in turn.
  int64_t disorder() const { return disorder_; }
  const cli::LatencyHistogram& latency() const { return latency_; }

 private:
  void OnLive(Subscriber* subscriber) override;
  void OnClosed(Subscriber* subscriber, const absl::Status& why) override;
  void OnBatchBegins() override { now_ns_ = MonotonicNanos(); }
  void OnEvent(Subscriber* subscriber, absl::string_view text) override;

  std::vector<std::string> FiltersOf(int64_t connection) const;
  void StartOne();

  const FleetPlan plan_;
  const StampReader stamps_;
  std::vector<char> buffer_;
  SubscriberPlan subscriber_plan_;
  std::vector<std::unique_ptr<Subscriber>> subscribers_;

  // Subscribers that are to be started, the last first.
  std::vector<Subscriber*> waiting_;
  int64_t connecting_ = 0;
  int64_t live_ = 0;
  int64_t connecting_max_;
  bool expect_close_ = false;
  // Waits for the server to come back.
  bool probing_ = false;
  uint64_t probe_again_ns_ = 0;
  uint64_t reconnected_ns_ = 0;
  int64_t failed_attempts_ = 0;
  // Those that failed and when to try again, soonest first.
  std::deque<std::pair<uint64_t, Subscriber*>> retries_;
  absl::Status fault_;

  uint64_t now_ns_ = 0;
  uint64_t measure_from_ = 0;
  int64_t deliveries_ = 0;
  int64_t bytes_ = 0;
  int64_t disorder_ = 0;
  cli::LatencyHistogram latency_;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_FLEET_H_
