#include "tests/bench/load/flags.h"

namespace carillon::bench {

void GrpcFlags::AddTo(CLI::App* app) {
  options.plaintext = true;
  app->add_option("--grpc", options.broker, "HOST:PORT of the gRPC server, without TLS");
  app->add_option("--user", options.user, "NAME:PASSWORD for a Carillon broker");
}

void LoadFlags::AddTo(CLI::App* app) {
  app->add_option("--server", servers, "name=pid of a server whose CPU time is to be told");
  app->add_option("--event-size", event_size, "bytes of an event as a browser receives it")
      ->capture_default_str();
  app->add_option("--seconds", seconds, "how long to measure")->capture_default_str();
  app->add_option("--warm-up", warm_up_seconds, "seconds of load before that")
      ->capture_default_str();
  app->add_option("--round", round, "events sent together; two rounds may be on their way")
      ->capture_default_str();
}

}  // namespace carillon::bench
