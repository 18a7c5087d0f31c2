// CPU time of processes, from /proc.
#ifndef CARILLON_TESTS_BENCH_LOAD_PROCESS_CPU_H_
#define CARILLON_TESTS_BENCH_LOAD_PROCESS_CPU_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace carillon::bench {

struct ServerProcess {
  std::string name;
  int pid = 0;
};

// From "name=pid".
absl::StatusOr<std::vector<ServerProcess>> ParseServers(const std::vector<std::string>& texts);

// User and system time so far in seconds, to 1/100; 0 if there is no such process.
double CpuSecondsOf(int pid);
double OwnCpuSeconds();

// CPU seconds of processes between Start and Stop.
class CpuMeter {
 public:
  explicit CpuMeter(std::vector<ServerProcess> servers) : servers_(std::move(servers)) {}
  void Start();
  void Stop();

  // By name, in the order given.
  std::vector<std::pair<std::string, double>> servers() const;
  double own() const { return own_; }

 private:
  std::vector<ServerProcess> servers_;
  std::vector<double> seconds_;
  double own_ = 0;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_PROCESS_CPU_H_
