// The two halves of carillon bench.
#ifndef CARILLON_CLIENTS_CLI_BENCH_H_
#define CARILLON_CLIENTS_CLI_BENCH_H_

#include <cstdint>
#include <string>

#include "clients/cli/command.h"

namespace carillon::cli {

struct BenchPublishFlags {
  int64_t streams = 1;
  int64_t batch = 64;
  int64_t size = 500;
  int64_t count = 100000;
  // Events a second over all streams; 0: as fast as it goes.
  int64_t rate = 0;
  std::string retry = "0";
  bool json = false;
};

struct BenchWatchFlags {
  std::string filter = "bench.*.*";
  int64_t streams = 1;
  // Events on each stream; 0: until interrupted.
  int64_t count = 0;
  bool from_start = false;
  std::string after;
  // Empty: never.
  std::string idle;
  bool json = false;
};

ExitCode BenchPublish(const BenchPublishFlags& flags, Context& context);
ExitCode BenchWatch(const BenchWatchFlags& flags, Context& context);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_BENCH_H_
