#include "tests/bench/load/report.h"

#include <cstdio>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace carillon::bench {

void PrintReport(const Report& report) {
  std::string out = absl::StrFormat(
      "{\"at\":\"end\",\"seconds\":%.6f,\"events\":%d,\"deliveries\":%d,\"bytes\":%d,\"lost\":%d,"
      "\"disorder\":%d,\"failed_attempts\":%d",
      report.seconds, report.events, report.deliveries, report.bytes, report.lost, report.disorder,
      report.failed_attempts);
  if (report.latency != nullptr && report.latency->count() > 0) {
    const auto us = [&report](double part) {
      return absl::ToDoubleMicroseconds(report.latency->Percentile(part));
    };
    absl::StrAppendFormat(
        &out, ",\"latency_us\":{\"p50\":%.1f,\"p90\":%.1f,\"p99\":%.1f,\"p999\":%.1f,\"max\":%.1f}",
        us(0.5), us(0.9), us(0.99), us(0.999), absl::ToDoubleMicroseconds(report.latency->max()));
  }
  if (report.cpu != nullptr) {
    absl::StrAppend(&out, ",\"cpu_seconds\":{");
    for (const auto& [name, seconds] : report.cpu->servers()) {
      absl::StrAppendFormat(&out, "\"%s\":%.2f,", name, seconds);
    }
    absl::StrAppendFormat(&out, "\"load\":%.3f}", report.cpu->own());
  }
  std::printf("%s}\n", out.c_str());
  std::fflush(stdout);
}

void PrintStage(absl::string_view stage) {
  std::printf("{\"at\":\"%s\"}\n", std::string(stage).c_str());
  std::fflush(stdout);
}

}  // namespace carillon::bench
