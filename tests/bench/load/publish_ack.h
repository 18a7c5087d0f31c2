// How long one event takes until it is acknowledged, and the disk for one flush.
#ifndef CARILLON_TESTS_BENCH_LOAD_PUBLISH_ACK_H_
#define CARILLON_TESTS_BENCH_LOAD_PUBLISH_ACK_H_

#include "tests/bench/load/flags.h"

namespace carillon::bench {

void AddPublishAckCommand(CLI::App* app, Command* command);
void AddFlushCommand(CLI::App* app, Command* command);

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_PUBLISH_ACK_H_
