#include <algorithm>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "absl/time/clock.h"
#include "carillon/client/publisher.h"
#include "clients/cli/bench.h"
#include "clients/cli/bench_marker.h"
#include "clients/cli/bench_report.h"
#include "clients/cli/text.h"

namespace carillon::cli {
namespace {

// Publishes the events of one stream on a thread of its own.
class Stream {
 public:
  struct Plan {
    int64_t run = 0;
    int64_t stream = 0;
    int64_t count = 0;
    int64_t batch = 1;
    size_t size = 0;
    // From the beginning of one batch to the next; zero: as fast as it goes.
    absl::Duration batch_interval;
  };

  Stream(const Context& context, client::PublisherOptions options, const Plan& plan)
      : plan_(plan), interrupt_(context.interrupt), publisher_(context.connection, options) {}

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }

  // Waits for the end and adds up what was found.
  absl::Status Join(BenchReport* report) {
    thread_.join();
    absl::MutexLock lock(&mutex_);
    report->events += acknowledged_;
    report->event_bytes += bytes_;
    report->refused += refused_;
    if (report->why_refused.empty()) report->why_refused = why_refused_;
    report->latency.Merge(latency_);
    return error_;
  }

 private:
  void Run() {
    const absl::Time start = absl::Now();
    int64_t sent = 0;
    for (int64_t batch = 0; sent < plan_.count && !Stopped(); ++batch) {
      absl::SleepFor(start + batch * plan_.batch_interval - absl::Now());
      sent += SendBatch(sent);
    }
    const absl::Status finished = publisher_.Finish();
    absl::MutexLock lock(&mutex_);
    error_.Update(finished);
  }

  int64_t SendBatch(int64_t first) {
    const absl::Time now = absl::Now();
    BenchMarker marker = {plan_.run, plan_.stream, first, absl::ToUnixNanos(now)};
    v1::PublishStreamRequest request;
    const int64_t count = std::min(plan_.batch, plan_.count - first);
    std::vector<int64_t> sizes;
    for (int64_t i = 0; i < count; ++i, ++marker.number) {
      *request.add_events() = MakeBenchEvent(marker, plan_.size);
      sizes.push_back(static_cast<int64_t>(request.events(static_cast<int>(i)).ByteSizeLong()));
    }
    publisher_.Publish(std::move(request),
                       [this, now, sizes = std::move(sizes)](
                           const absl::StatusOr<v1::PublishStreamResponse>& answer) {
                         OnAnswer(now, sizes, answer);
                       });
    return count;
  }

  void OnAnswer(absl::Time sent_at, const std::vector<int64_t>& sizes,
                const absl::StatusOr<v1::PublishStreamResponse>& answer) {
    const absl::Duration latency = absl::Now() - sent_at;
    absl::MutexLock lock(&mutex_);
    if (!answer.ok()) {
      error_.Update(answer.status());
      return;
    }
    int64_t acknowledged = 0;
    for (int i = 0; i < answer->results_size(); ++i) {
      const v1::PublishResult& result = answer->results(i);
      if (result.has_error()) {
        if (refused_++ == 0) why_refused_ = result.error().message();
        continue;
      }
      ++acknowledged;
      bytes_ += sizes[static_cast<size_t>(i)];
    }
    acknowledged_ += acknowledged;
    latency_.Add(latency, acknowledged);
  }

  bool Stopped() const {
    absl::MutexLock lock(&mutex_);
    return !error_.ok() || interrupt_->happened();
  }

  const Plan plan_;
  Interrupt* const interrupt_;
  std::thread thread_;
  mutable absl::Mutex mutex_;
  int64_t acknowledged_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t refused_ ABSL_GUARDED_BY(mutex_) = 0;
  // The first one.
  std::string why_refused_ ABSL_GUARDED_BY(mutex_);
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  LatencyHistogram latency_ ABSL_GUARDED_BY(mutex_);
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  // Last: its callbacks use the rest.
  client::Publisher publisher_;
};

std::vector<Stream::Plan> MakePlans(const BenchPublishFlags& flags) {
  std::random_device random;
  Stream::Plan plan;
  plan.run = static_cast<int64_t>(random());
  plan.batch = flags.batch;
  plan.size = static_cast<size_t>(flags.size);
  if (flags.rate > 0) {
    plan.batch_interval = absl::Seconds(static_cast<double>(flags.batch * flags.streams) /
                                        static_cast<double>(flags.rate));
  }
  std::vector<Stream::Plan> plans;
  for (plan.stream = 0; plan.stream < flags.streams; ++plan.stream) {
    plan.count = flags.count / flags.streams + (plan.stream < flags.count % flags.streams ? 1 : 0);
    plans.push_back(plan);
  }
  return plans;
}

}  // namespace

ExitCode BenchPublish(const BenchPublishFlags& flags, Context& context) {
  const absl::StatusOr<absl::Duration> retry = ParseDurationText(flags.retry);
  if (!retry.ok()) return UsageError(retry.status());
  client::PublisherOptions options;
  options.retry_for = *retry;
  std::vector<std::unique_ptr<Stream>> streams;
  for (const Stream::Plan& plan : MakePlans(flags)) {
    streams.push_back(std::make_unique<Stream>(context, options, plan));
  }
  const absl::Time start = absl::Now();
  for (const auto& stream : streams) stream->Start();

  BenchReport report;
  report.verb = "published";
  report.latency_meaning = "from sending to acknowledgement";
  report.refused = 0;
  absl::Status error;
  for (const auto& stream : streams) error.Update(stream->Join(&report));
  report.elapsed = absl::Now() - start;
  report.cpu = ProcessCpuTime();
  const ExitCode printed =
      PrintResult(flags.json ? FormatReportJson(report) : FormatReport(report));
  if (!report.why_refused.empty()) PrintMessage("the first refusal: " + report.why_refused);
  if (!error.ok()) return context.Fail(error);
  if (report.events + report.refused < flags.count) return ExitCode::kInterrupted;
  return report.refused > 0 ? ExitCode::kFailed : printed;
}

}  // namespace carillon::cli
