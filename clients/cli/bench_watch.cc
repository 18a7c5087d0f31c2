#include <algorithm>
#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "carillon/client/filter_text.h"
#include "carillon/client/watcher.h"
#include "clients/cli/bench.h"
#include "clients/cli/bench_marker.h"
#include "clients/cli/bench_report.h"
#include "clients/cli/text.h"

namespace carillon::cli {
namespace {

size_t ByteSize(const wire::EventView& event) {
  return event.type.size() + event.action.size() + event.key.size() + event.principal.size() +
         event.object.size() + event.original.size();
}

// Watches on a thread of its own and checks what comes.
class Stream {
 public:
  Stream(const Context& context, const client::WatcherOptions& options, int64_t count)
      : count_(count), watcher_(context.connection, options) {}

  void Start() {
    thread_ = std::thread([this] { Run(); });
  }
  void Cancel() { watcher_.Cancel(); }

  // Waits for the end, or until nothing came for `idle`, and adds up what was found.
  absl::Status Join(absl::Duration idle, BenchReport* report) {
    WaitUntilIdle(idle);
    watcher_.Cancel();
    thread_.join();
    absl::MutexLock lock(&mutex_);
    report->events += received_;
    report->event_bytes += bytes_;
    report->lost += sequence_.lost() + gap_;
    report->repeated += sequence_.repeated();
    report->latency.Merge(latency_);
    if (received_ > 0) report->elapsed = std::max(report->elapsed, last_ - first_);
    return error_;
  }

 private:
  void WaitUntilIdle(absl::Duration idle) {
    absl::MutexLock lock(&mutex_);
    while (!ended_ && absl::Now() - last_ < idle) {
      mutex_.AwaitWithDeadline(absl::Condition(&ended_), last_ + idle);
    }
  }

  void Run() {
    client::Watcher::Handler handler;
    handler.on_events = [this](absl::Span<const wire::EventView> events) {
      return OnEvents(events);
    };
    handler.on_progress = [this](const v1::Progress& /*progress*/) {
      connected_ = true;
      return true;
    };
    handler.on_gap = [this](const v1::Gap& gap) {
      absl::MutexLock lock(&mutex_);
      gap_ += gap.event_count();
      return true;
    };
    handler.on_disconnect = [this](const absl::Status& error) {
      if (connected_) return true;
      absl::MutexLock lock(&mutex_);
      error_ = error;
      return false;
    };
    const absl::Status status = watcher_.Run(handler);
    absl::MutexLock lock(&mutex_);
    error_.Update(status);
    ended_ = true;
  }

  bool OnEvents(absl::Span<const wire::EventView> events) {
    const absl::Time now = absl::Now();
    absl::MutexLock lock(&mutex_);
    if (received_ == 0) first_ = now;
    last_ = now;
    for (const wire::EventView& event : events) {
      ++received_;
      bytes_ += static_cast<int64_t>(ByteSize(event));
      const std::optional<BenchMarker> marker = ParseBenchMarker(event.object);
      if (marker.has_value()) {
        sequence_.Add(*marker);
        latency_.Add(now - absl::FromUnixNanos(marker->sent_at));
      }
      if (received_ == count_) return false;
    }
    return true;
  }

  const int64_t count_;
  client::Watcher watcher_;
  std::thread thread_;
  // Of the watcher's thread.
  bool connected_ = false;
  mutable absl::Mutex mutex_;
  int64_t received_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t bytes_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t gap_ ABSL_GUARDED_BY(mutex_) = 0;
  SequenceChecker sequence_ ABSL_GUARDED_BY(mutex_);
  LatencyHistogram latency_ ABSL_GUARDED_BY(mutex_);
  absl::Time first_ ABSL_GUARDED_BY(mutex_);
  absl::Time last_ ABSL_GUARDED_BY(mutex_) = absl::Now();
  absl::Status error_ ABSL_GUARDED_BY(mutex_);
  bool ended_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace

ExitCode BenchWatch(const BenchWatchFlags& flags, Context& context) {
  absl::Duration idle = absl::InfiniteDuration();
  if (!flags.idle.empty()) {
    const absl::StatusOr<absl::Duration> parsed = ParseDurationText(flags.idle);
    if (!parsed.ok()) return UsageError(parsed.status());
    idle = *parsed;
  }
  absl::StatusOr<v1::Filter> filter = client::ParseFilterText(flags.filter);
  if (!filter.ok()) return UsageError(filter.status());
  client::WatcherOptions options;
  options.filter = *std::move(filter);
  if (flags.from_start) options.start.set_earliest(true);
  if (!flags.after.empty()) options.start.set_after(flags.after);

  std::vector<std::unique_ptr<Stream>> streams;
  for (int64_t i = 0; i < flags.streams; ++i) {
    streams.push_back(std::make_unique<Stream>(context, options, flags.count));
  }
  const auto cancel_all = [&streams] {
    for (const auto& stream : streams) stream->Cancel();
  };
  for (const auto& stream : streams) stream->Start();
  context.interrupt->OnInterrupt(cancel_all);

  BenchReport report;
  report.verb = "received";
  report.latency_meaning = "from sending to receipt";
  report.lost = 0;
  report.repeated = 0;
  absl::Status error;
  for (const auto& stream : streams) error.Update(stream->Join(idle, &report));
  context.interrupt->OnInterrupt(nullptr);
  report.cpu = ProcessCpuTime();
  const ExitCode printed =
      PrintResult(flags.json ? FormatReportJson(report) : FormatReport(report));
  if (!error.ok()) return context.Fail(error);
  if (report.lost > 0 || report.repeated > 0) return ExitCode::kFailed;
  if (report.events >= flags.count * flags.streams) return printed;
  return context.interrupt->happened() ? ExitCode::kInterrupted : ExitCode::kFailed;
}

}  // namespace carillon::cli
