// Metrics in the Prometheus text format over HTTP: GET /metrics, and GET /healthz, which answers
// 200 as long as the process runs.
//
// Names: carillon_<program>_<what>_<unit>, counters end in _total, sizes in _bytes, times in
// _seconds. Labels take few values: never a peer, a user, a key or an event type.
#ifndef CARILLON_PROGRAM_METRICS_H_
#define CARILLON_PROGRAM_METRICS_H_

#include <prometheus/counter.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/labels.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "deploy/program/endpoint.h"

namespace carillon::program {

// Where a collector puts what it reads at a scrape.
class Scrape {
 public:
  virtual ~Scrape() = default;
  virtual void Counter(absl::string_view name, absl::string_view help, double value,
                       const prometheus::Labels& labels = {}) = 0;
  virtual void Gauge(absl::string_view name, absl::string_view help, double value,
                     const prometheus::Labels& labels = {}) = 0;
};

// All metrics of a process. Any thread.
class Metrics {
 public:
  // `program` is the label of carillon_build_info. process_* metrics come by themselves.
  explicit Metrics(absl::string_view program);
  ~Metrics();
  Metrics(const Metrics&) = delete;
  Metrics& operator=(const Metrics&) = delete;

  // The same name and labels give the same metric, which lives as long as this. Updating one is an
  // atomic operation.
  prometheus::Counter& Counter(const std::string& name, const std::string& help,
                               const prometheus::Labels& labels = {});
  prometheus::Gauge& Gauge(const std::string& name, const std::string& help,
                           const prometheus::Labels& labels = {});
  // `bounds`: upper bounds of the buckets, ascending.
  prometheus::Histogram& Histogram(const std::string& name, const std::string& help,
                                   const std::vector<double>& bounds,
                                   const prometheus::Labels& labels = {});

  // `collect` is called at each scrape, from the HTTP server's thread, until the registration goes;
  // its destructor waits for a call under way. For values that a hot path keeps in plain atomics.
  class Registration;
  [[nodiscard]] std::unique_ptr<Registration> AddCollector(std::function<void(Scrape*)> collect);

  // What a scrape returns.
  std::string RenderText() const;

 private:
  friend class MetricsServer;
  class State;
  std::shared_ptr<State> state_;
};

class Metrics::Registration {
 public:
  Registration(std::shared_ptr<State> state, int64_t id);
  ~Registration();
  Registration(const Registration&) = delete;
  Registration& operator=(const Registration&) = delete;

 private:
  std::shared_ptr<State> state_;
  int64_t id_;
};

// `count` bounds, each `factor` times the one before: ExponentialBounds(0.0001, 2, 16) reaches from
// 0.1 ms to 3.3 s.
std::vector<double> ExponentialBounds(double first, double factor, int count);

class MetricsServer {
 public:
  // Listens until destroyed, and logs where. UNAVAILABLE: the address cannot be listened on; the
  // message says which and why.
  static absl::StatusOr<std::unique_ptr<MetricsServer>> Start(const Endpoint& listen,
                                                              const Metrics& metrics);
  ~MetricsServer();

  // With the port that was taken.
  const Endpoint& endpoint() const;

 private:
  class Impl;
  explicit MetricsServer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_METRICS_H_
