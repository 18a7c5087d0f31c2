// The load generator: subscribers and publishers for Carillon and its peers in one process.
#include <CLI/CLI.hpp>
#include <csignal>
#include <cstdio>

#include "tests/bench/load/fanout.h"
#include "tests/bench/load/publish_ack.h"
#include "tests/bench/load/watch.h"

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);
  CLI::App app("Loads event servers and tells what they did with it, as JSON.");
  app.require_subcommand(1);
  carillon::bench::Command command;
  carillon::bench::AddFanoutCommand(&app, &command);
  carillon::bench::AddPublishAckCommand(&app, &command);
  carillon::bench::AddFlushCommand(&app, &command);
  carillon::bench::AddWatchCommand(&app, &command);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = command();
  if (status.ok()) return 0;
  std::fprintf(stderr, "carillon-bench-load: %s\n", status.ToString().c_str());
  return 1;
}
