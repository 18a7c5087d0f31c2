// What Metrics and MetricsServer share.
#ifndef CARILLON_PROGRAM_METRICS_STATE_H_
#define CARILLON_PROGRAM_METRICS_STATE_H_

#include <prometheus/collectable.h>
#include <prometheus/registry.h>

#include <cstdint>
#include <functional>
#include <map>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "deploy/program/metrics.h"

namespace carillon::program {

class Metrics::State : public prometheus::Collectable {
 public:
  prometheus::Registry& registry() { return registry_; }

  int64_t Add(std::function<void(Scrape*)> collect);
  void Remove(int64_t id);

  std::vector<prometheus::MetricFamily> Collect() const override;

 private:
  prometheus::Registry registry_;
  // Held while collectors run, so that one that is removed does not run any more.
  mutable absl::Mutex mutex_;
  int64_t next_id_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<int64_t, std::function<void(Scrape*)>> collectors_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_METRICS_STATE_H_
