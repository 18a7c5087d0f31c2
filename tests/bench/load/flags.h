// What all commands of the load generator take.
#ifndef CARILLON_TESTS_BENCH_LOAD_FLAGS_H_
#define CARILLON_TESTS_BENCH_LOAD_FLAGS_H_

#include <CLI/CLI.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "carillon/client/connection.h"

namespace carillon::bench {

// The command that was chosen, to be run when all flags are read.
using Command = std::function<absl::Status()>;

// Where and as whom to publish or to read over gRPC.
struct GrpcFlags {
  client::ConnectionOptions options;

  void AddTo(CLI::App* app);
};

struct LoadFlags {
  // name=pid of the servers whose CPU is to be told.
  std::vector<std::string> servers;
  size_t event_size = 500;
  // How long to measure, after how long a warm-up.
  double seconds = 5;
  double warm_up_seconds = 1;
  // Events sent together; two such rounds may be on their way.
  int64_t round = 200;

  void AddTo(CLI::App* app);
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_FLAGS_H_
