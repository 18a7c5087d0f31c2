// What a bench found, for people and for programs.
#ifndef CARILLON_CLIENTS_CLI_BENCH_REPORT_H_
#define CARILLON_CLIENTS_CLI_BENCH_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "clients/cli/latency_histogram.h"

namespace carillon::cli {

// CPU time of this process so far.
struct CpuTime {
  absl::Duration user;
  absl::Duration system;
};
CpuTime ProcessCpuTime();

struct BenchReport {
  // "published" or "received".
  absl::string_view verb;
  int64_t events = 0;
  int64_t event_bytes = 0;
  absl::Duration elapsed;
  CpuTime cpu;
  LatencyHistogram latency;
  // "from sending to acknowledgement".
  absl::string_view latency_meaning;
  // What went wrong, in events. Negative: not looked for.
  int64_t refused = -1;
  // Of the first that was.
  std::string why_refused;
  int64_t lost = -1;
  int64_t repeated = -1;
};

std::string FormatReport(const BenchReport& report);
// One JSON object and a line end. Times in seconds, latencies in milliseconds.
std::string FormatReportJson(const BenchReport& report);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_BENCH_REPORT_H_
