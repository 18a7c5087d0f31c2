// What the facade shows of itself to Prometheus.
#ifndef CARILLON_WSFACADE_METRICS_H_
#define CARILLON_WSFACADE_METRICS_H_

#include <memory>
#include <vector>

#include "deploy/program/metrics.h"
#include "wsfacade/http/http_session.h"
#include "wsfacade/hub/hub.h"
#include "wsfacade/net/io_thread.h"
#include "wsfacade/net/listener.h"
#include "wsfacade/session/close_reason.h"

namespace carillon::facade {

// Where the figures come from; all of it outlives the registration.
struct MetricSources {
  std::vector<IoThread*> threads;
  const Listener* listener;
  Hub* hub;
  const HttpCounts* http;
  const CloseCounts* closes;
};

std::unique_ptr<program::Metrics::Registration> RegisterMetrics(program::Metrics* metrics,
                                                                MetricSources sources);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_METRICS_H_
