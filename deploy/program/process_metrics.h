// What the kernel knows of this process.
#ifndef CARILLON_PROGRAM_PROCESS_METRICS_H_
#define CARILLON_PROGRAM_PROCESS_METRICS_H_

#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "deploy/program/metrics.h"

namespace carillon::program {

// The fields of /proc/PID/stat that are of use; times in clock ticks, since the boot for the start.
struct ProcessStat {
  uint64_t user_ticks = 0;
  uint64_t system_ticks = 0;
  uint64_t threads = 0;
  uint64_t start_ticks = 0;
  uint64_t virtual_bytes = 0;
  uint64_t resident_pages = 0;
};

// Nothing if it is not the text of such a file.
std::optional<ProcessStat> ParseProcessStat(absl::string_view text);

// process_cpu_seconds_total, process_resident_memory_bytes, process_virtual_memory_bytes,
// process_open_fds, process_max_fds, process_threads, process_start_time_seconds; those that /proc
// does not tell are left out.
void CollectProcessMetrics(Scrape* scrape);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_PROCESS_METRICS_H_
