#include "deploy/program/metrics.h"

#include <prometheus/metric_family.h>
#include <prometheus/text_serializer.h>

#include <iterator>
#include <map>
#include <utility>

#include "deploy/program/metrics_state.h"
#include "deploy/program/process_metrics.h"
#include "deploy/program/version.h"

namespace carillon::program {
namespace {

#if defined(__clang__)
constexpr char kCompiler[] = "clang " __clang_version__;
#else
constexpr char kCompiler[] = "gcc " __VERSION__;
#endif

// Gathers samples by the name of their family.
class FamilyScrape : public Scrape {
 public:
  void Counter(absl::string_view name, absl::string_view help, double value,
               const prometheus::Labels& labels) override {
    Add(name, help, prometheus::MetricType::Counter, labels).counter.value = value;
  }
  void Gauge(absl::string_view name, absl::string_view help, double value,
             const prometheus::Labels& labels) override {
    Add(name, help, prometheus::MetricType::Gauge, labels).gauge.value = value;
  }

  void TakeInto(std::vector<prometheus::MetricFamily>* out) {
    for (auto& [name, family] : families_) out->push_back(std::move(family));
  }

 private:
  prometheus::ClientMetric& Add(absl::string_view name, absl::string_view help,
                                prometheus::MetricType type, const prometheus::Labels& labels) {
    prometheus::MetricFamily& family = families_[std::string(name)];
    family.name = std::string(name);
    family.help = std::string(help);
    family.type = type;
    prometheus::ClientMetric& metric = family.metric.emplace_back();
    for (const auto& [label, value] : labels) metric.label.push_back({label, value});
    return metric;
  }

  std::map<std::string, prometheus::MetricFamily> families_;
};

}  // namespace

int64_t Metrics::State::Add(std::function<void(Scrape*)> collect) {
  absl::MutexLock lock(&mutex_);
  collectors_.emplace(next_id_, std::move(collect));
  return next_id_++;
}

void Metrics::State::Remove(int64_t id) {
  absl::MutexLock lock(&mutex_);
  collectors_.erase(id);
}

std::vector<prometheus::MetricFamily> Metrics::State::Collect() const {
  std::vector<prometheus::MetricFamily> families = registry_.Collect();
  FamilyScrape scrape;
  {
    absl::MutexLock lock(&mutex_);
    for (const auto& [id, collect] : collectors_) collect(&scrape);
  }
  scrape.TakeInto(&families);
  return families;
}

Metrics::Metrics(absl::string_view program) : state_(std::make_shared<State>()) {
  state_->Add(&CollectProcessMetrics);
  Gauge("carillon_build_info", "Always 1; the labels tell the version.",
        {{"program", std::string(program)},
         {"version", std::string(Version())},
         {"compiler", kCompiler}})
      .Set(1);
}

Metrics::~Metrics() = default;

prometheus::Counter& Metrics::Counter(const std::string& name, const std::string& help,
                                      const prometheus::Labels& labels) {
  return prometheus::BuildCounter().Name(name).Help(help).Register(state_->registry()).Add(labels);
}

prometheus::Gauge& Metrics::Gauge(const std::string& name, const std::string& help,
                                  const prometheus::Labels& labels) {
  return prometheus::BuildGauge().Name(name).Help(help).Register(state_->registry()).Add(labels);
}

prometheus::Histogram& Metrics::Histogram(const std::string& name, const std::string& help,
                                          const std::vector<double>& bounds,
                                          const prometheus::Labels& labels) {
  return prometheus::BuildHistogram()
      .Name(name)
      .Help(help)
      .Register(state_->registry())
      .Add(labels, bounds);
}

std::unique_ptr<Metrics::Registration> Metrics::AddCollector(std::function<void(Scrape*)> collect) {
  return std::make_unique<Registration>(state_, state_->Add(std::move(collect)));
}

std::string Metrics::RenderText() const {
  return prometheus::TextSerializer().Serialize(state_->Collect());
}

Metrics::Registration::Registration(std::shared_ptr<State> state, int64_t id)
    : state_(std::move(state)), id_(id) {}

Metrics::Registration::~Registration() { state_->Remove(id_); }

std::vector<double> ExponentialBounds(double first, double factor, int count) {
  std::vector<double> bounds;
  for (int i = 0; i < count; ++i, first *= factor) bounds.push_back(first);
  return bounds;
}

}  // namespace carillon::program
