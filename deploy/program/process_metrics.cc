#include "deploy/program/process_metrics.h"

#include <dirent.h>
#include <sys/resource.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_split.h"
#include "deploy/program/files.h"

namespace carillon::program {
namespace {

// Seconds since 1970 at which the machine was started.
std::optional<double> BootTime() {
  const absl::StatusOr<std::string> text = ReadFile("/proc/stat");
  if (!text.ok()) return std::nullopt;
  for (absl::string_view line : absl::StrSplit(*text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    double seconds = 0;
    if (words.size() == 2 && words[0] == "btime" && absl::SimpleAtod(words[1], &seconds)) {
      return seconds;
    }
  }
  return std::nullopt;
}

std::optional<int> CountOpenFiles() {
  DIR* const folder = opendir("/proc/self/fd");
  if (folder == nullptr) return std::nullopt;
  int count = 0;
  while (readdir(folder) != nullptr) ++count;
  closedir(folder);
  return count - 3;  // ".", ".." and the folder itself
}

void CollectStat(const ProcessStat& stat, Scrape* scrape) {
  const double tick = 1.0 / static_cast<double>(sysconf(_SC_CLK_TCK));
  const double page = static_cast<double>(sysconf(_SC_PAGESIZE));
  scrape->Counter("process_cpu_seconds_total", "User and system CPU time spent.",
                  static_cast<double>(stat.user_ticks + stat.system_ticks) * tick);
  scrape->Gauge("process_resident_memory_bytes", "Memory held in RAM.",
                static_cast<double>(stat.resident_pages) * page);
  scrape->Gauge("process_virtual_memory_bytes", "Address space.",
                static_cast<double>(stat.virtual_bytes));
  scrape->Gauge("process_threads", "Threads.", static_cast<double>(stat.threads));
  static const std::optional<double> boot_time = BootTime();
  if (boot_time.has_value()) {
    scrape->Gauge("process_start_time_seconds", "Start of the process, seconds since 1970.",
                  *boot_time + static_cast<double>(stat.start_ticks) * tick);
  }
}

}  // namespace

std::optional<ProcessStat> ParseProcessStat(absl::string_view text) {
  // The second field is the program's name in brackets, which may itself hold spaces and brackets.
  const size_t name_end = text.rfind(')');
  if (name_end == absl::string_view::npos) return std::nullopt;
  constexpr size_t kFirstField = 3;
  const std::vector<absl::string_view> fields =
      absl::StrSplit(text.substr(name_end + 1), ' ', absl::SkipEmpty());
  ProcessStat stat;
  const auto read = [&fields](size_t field, uint64_t* value) {
    return field - kFirstField < fields.size() &&
           absl::SimpleAtoi(fields[field - kFirstField], value);
  };
  // Numbered as in proc(5).
  const bool good = read(14, &stat.user_ticks) && read(15, &stat.system_ticks) &&
                    read(20, &stat.threads) && read(22, &stat.start_ticks) &&
                    read(23, &stat.virtual_bytes) && read(24, &stat.resident_pages);
  if (!good) return std::nullopt;
  return stat;
}

void CollectProcessMetrics(Scrape* scrape) {
  if (const absl::StatusOr<std::string> text = ReadFile("/proc/self/stat"); text.ok()) {
    if (const std::optional<ProcessStat> stat = ParseProcessStat(*text)) CollectStat(*stat, scrape);
  }
  if (const std::optional<int> open_files = CountOpenFiles()) {
    scrape->Gauge("process_open_fds", "Open file descriptors.", *open_files);
  }
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
    scrape->Gauge("process_max_fds", "Limit of open file descriptors.",
                  static_cast<double>(limit.rlim_cur));
  }
}

}  // namespace carillon::program
