// The broker's metrics page.
#ifndef CARILLON_BROKER_SERVER_METRICS_H_
#define CARILLON_BROKER_SERVER_METRICS_H_

#include <memory>

#include "broker/access/access_control.h"
#include "broker/delivery/dispatcher.h"
#include "broker/log/committer.h"
#include "broker/log/event_log.h"
#include "broker/service/call_auth.h"
#include "broker/service/call_context.h"
#include "deploy/program/metrics.h"

namespace carillon::broker {

// What the metrics are read from; all of it outlives the page.
struct MetricSources {
  const log::EventLog* log;
  const log::Committer* committer;
  const delivery::Dispatcher* dispatcher;
  const access::AccessControl* access;
  const service::PublishMetrics* publish;
  const service::DeliveryMetrics* delivery;
};

std::unique_ptr<program::Metrics::Registration> AddBrokerMetrics(const MetricSources& sources,
                                                                 program::Metrics* metrics);

// Measures commits, and logs those that fail.
class CommitReporter : public log::CommitObserver {
 public:
  explicit CommitReporter(program::Metrics* metrics);

  void OnCommit(const log::CommitReport& report) override;
  void OnTrimFailed(const absl::Status& status) override;

 private:
  prometheus::Histogram& latency_;
  prometheus::Histogram& events_;
  prometheus::Counter& failures_;
  prometheus::Counter& by_committer_;
  prometheus::Counter& by_reader_;
};

// Logs and counts the calls that were turned away.
class RefusalLog : public service::RefusalObserver {
 public:
  explicit RefusalLog(program::Metrics* metrics) : metrics_(metrics) {}

  void OnCallRefused(const service::RefusedCall& call) override;

 private:
  program::Metrics* const metrics_;
};

// Seconds from a commit to the hand-over to a stream.
prometheus::Histogram& DeliveryLatency(program::Metrics* metrics);

}  // namespace carillon::broker

#endif  // CARILLON_BROKER_SERVER_METRICS_H_
