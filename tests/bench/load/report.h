// What a run found, as a line of JSON for the orchestrator.
#ifndef CARILLON_TESTS_BENCH_LOAD_REPORT_H_
#define CARILLON_TESTS_BENCH_LOAD_REPORT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"
#include "clients/cli/latency_histogram.h"
#include "tests/bench/load/process_cpu.h"

namespace carillon::bench {

struct Report {
  double seconds = 0;
  int64_t events = 0;
  int64_t deliveries = 0;
  int64_t bytes = 0;
  int64_t lost = 0;
  int64_t disorder = 0;
  // Connections that were refused or broke and had to be tried again.
  int64_t failed_attempts = 0;
  const cli::LatencyHistogram* latency = nullptr;
  const CpuMeter* cpu = nullptr;
};

void PrintReport(const Report& report);

// Tells the orchestrator that the run has come so far: {"at":"<stage>"}.
void PrintStage(absl::string_view stage);

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_REPORT_H_
