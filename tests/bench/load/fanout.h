// Websockets that receive what is published.
#ifndef CARILLON_TESTS_BENCH_LOAD_FANOUT_H_
#define CARILLON_TESTS_BENCH_LOAD_FANOUT_H_

#include "tests/bench/load/flags.h"

namespace carillon::bench {

void AddFanoutCommand(CLI::App* app, Command* command);

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_FANOUT_H_
