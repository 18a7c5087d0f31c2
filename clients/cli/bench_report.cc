#include "clients/cli/bench_report.h"

#include <sys/resource.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "clients/cli/output.h"

namespace carillon::cli {
namespace {

struct NamedPercentile {
  absl::string_view name;
  double part;
};

constexpr std::array<NamedPercentile, 4> kPercentiles = {
    {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}, {"p99.9", 0.999}}};

double PerSecond(int64_t amount, absl::Duration elapsed) {
  return static_cast<double>(amount) / std::max(1e-9, absl::ToDoubleSeconds(elapsed));
}

std::vector<std::pair<absl::string_view, int64_t>> Faults(const BenchReport& report) {
  std::vector<std::pair<absl::string_view, int64_t>> faults;
  if (report.refused >= 0) faults.emplace_back("refused", report.refused);
  if (report.lost >= 0) faults.emplace_back("lost", report.lost);
  if (report.repeated >= 0) faults.emplace_back("repeated", report.repeated);
  return faults;
}

}  // namespace

CpuTime ProcessCpuTime() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return {absl::DurationFromTimeval(usage.ru_utime), absl::DurationFromTimeval(usage.ru_stime)};
}

std::string FormatReport(const BenchReport& report) {
  std::string out =
      absl::StrFormat("%s %s events (%s bytes) in %.2f s: %s events/s, %.1f MiB/s\n", report.verb,
                      WithThousands(report.events), WithThousands(report.event_bytes),
                      absl::ToDoubleSeconds(report.elapsed),
                      WithThousands(static_cast<int64_t>(PerSecond(report.events, report.elapsed))),
                      PerSecond(report.event_bytes, report.elapsed) / (1 << 20));
  absl::StrAppendFormat(&out, "CPU: %.2f s user, %.2f s system\n",
                        absl::ToDoubleSeconds(report.cpu.user),
                        absl::ToDoubleSeconds(report.cpu.system));
  absl::StrAppend(&out, "latency ", report.latency_meaning, ":");
  for (const NamedPercentile& percentile : kPercentiles) {
    absl::StrAppendFormat(&out, " %s %.2f ms,", percentile.name,
                          absl::ToDoubleMilliseconds(report.latency.Percentile(percentile.part)));
  }
  absl::StrAppendFormat(&out, " max %.2f ms\n", absl::ToDoubleMilliseconds(report.latency.max()));
  for (const auto& [name, count] : Faults(report)) {
    absl::StrAppend(&out, name, ": ", WithThousands(count), "\n");
  }
  return out;
}

std::string FormatReportJson(const BenchReport& report) {
  std::string out = absl::StrFormat(
      "{\"events\":%d,\"event_bytes\":%d,\"seconds\":%.6f,\"events_per_second\":%.1f,"
      "\"cpu_user_seconds\":%.6f,\"cpu_system_seconds\":%.6f,\"latency_ms\":{",
      report.events, report.event_bytes, absl::ToDoubleSeconds(report.elapsed),
      PerSecond(report.events, report.elapsed), absl::ToDoubleSeconds(report.cpu.user),
      absl::ToDoubleSeconds(report.cpu.system));
  for (const NamedPercentile& percentile : kPercentiles) {
    absl::StrAppendFormat(&out, "\"%s\":%.3f,", percentile.name,
                          absl::ToDoubleMilliseconds(report.latency.Percentile(percentile.part)));
  }
  absl::StrAppendFormat(&out, "\"max\":%.3f}", absl::ToDoubleMilliseconds(report.latency.max()));
  for (const auto& [name, count] : Faults(report)) {
    absl::StrAppendFormat(&out, ",\"%s\":%d", name, count);
  }
  return out + "}\n";
}

}  // namespace carillon::cli
