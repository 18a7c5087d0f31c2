// gRPC streams that receive what is published, or what the log holds.
#ifndef CARILLON_TESTS_BENCH_LOAD_WATCH_H_
#define CARILLON_TESTS_BENCH_LOAD_WATCH_H_

#include "tests/bench/load/flags.h"

namespace carillon::bench {

void AddWatchCommand(CLI::App* app, Command* command);

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_WATCH_H_
