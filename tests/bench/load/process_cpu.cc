#include "tests/bench/load/process_cpu.h"

#include <sys/resource.h>
#include <unistd.h>

#include <fstream>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/time/time.h"

namespace carillon::bench {

absl::StatusOr<std::vector<ServerProcess>> ParseServers(const std::vector<std::string>& texts) {
  std::vector<ServerProcess> servers;
  for (const std::string& text : texts) {
    const std::pair<std::string, std::string> parts = absl::StrSplit(text, '=');
    ServerProcess server = {parts.first, 0};
    if (!absl::SimpleAtoi(parts.second, &server.pid)) {
      return absl::InvalidArgumentError(absl::StrCat("'", text, "' is not like broker=123"));
    }
    servers.push_back(std::move(server));
  }
  return servers;
}

double CpuSecondsOf(int pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string line;
  if (!std::getline(file, line)) return 0;
  // Behind the name, which may hold anything: proc(5).
  const std::vector<std::string> fields = absl::StrSplit(line.substr(line.rfind(')') + 2), ' ');
  int64_t user = 0;
  int64_t system = 0;
  if (fields.size() < 13 || !absl::SimpleAtoi(fields[11], &user) ||
      !absl::SimpleAtoi(fields[12], &system)) {
    return 0;
  }
  return static_cast<double>(user + system) / static_cast<double>(sysconf(_SC_CLK_TCK));
}

double OwnCpuSeconds() {
  rusage usage = {};
  getrusage(RUSAGE_SELF, &usage);
  return absl::ToDoubleSeconds(absl::DurationFromTimeval(usage.ru_utime) +
                               absl::DurationFromTimeval(usage.ru_stime));
}

void CpuMeter::Start() {
  seconds_.clear();
  for (const ServerProcess& server : servers_) seconds_.push_back(CpuSecondsOf(server.pid));
  own_ = OwnCpuSeconds();
}

void CpuMeter::Stop() {
  for (size_t i = 0; i < servers_.size(); ++i) {
    seconds_[i] = CpuSecondsOf(servers_[i].pid) - seconds_[i];
  }
  own_ = OwnCpuSeconds() - own_;
}

std::vector<std::pair<std::string, double>> CpuMeter::servers() const {
  std::vector<std::pair<std::string, double>> result;
  for (size_t i = 0; i < servers_.size() && i < seconds_.size(); ++i) {
    result.emplace_back(servers_[i].name, seconds_[i]);
  }
  return result;
}

}  // namespace carillon::bench
