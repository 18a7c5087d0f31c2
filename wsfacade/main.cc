#include <openssl/crypto.h>

#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "deploy/program/grpc_log.h"
#include "deploy/program/grpc_threads.h"
#include "deploy/program/logging.h"
#include "deploy/program/metrics.h"
#include "deploy/program/mutex_checks.h"
#include "deploy/program/options.h"
#include "deploy/program/signals.h"
#include "wsfacade/options.h"
#include "wsfacade/server.h"

namespace {

using carillon::program::Level;
using carillon::program::Log;

int Fail(const absl::Status& status) {
  Log(Level::kError, "cannot start", {{"reason", status.message()}});
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  carillon::facade::ServerOptions options;
  carillon::program::OptionSet option_set(
      {.name = "carillon-wsfacade",
       .summary = "The websocket and REST server of Carillon: browsers on one side, the broker on "
                  "the other.",
       .libraries = {OpenSSL_version(OPENSSL_VERSION)}});
  carillon::facade::AddServerOptions(&option_set, &options);
  if (std::optional<int> code = option_set.LoadMain(argc, argv)) return *code;
  carillon::program::InitLogging(options.log);
  carillon::program::RedirectGrpcLog();
  // One may have to wait until an I/O thread has room for what it brings.
  carillon::program::SetGrpcThreads(2);
  carillon::program::SetUpMutexChecks();
  carillon::program::Signals signals;
  if (auto limit = carillon::program::RaiseOpenFileLimit(); !limit.ok()) {
    Log(Level::kWarn, "cannot raise the limit of open files",
        {{"reason", limit.status().message()}});
  }

  carillon::program::Metrics metrics("wsfacade");
  std::unique_ptr<carillon::program::MetricsServer> metrics_server;
  if (!options.metrics.empty()) {
    auto started = carillon::program::MetricsServer::Start(options.metrics, metrics);
    if (!started.ok()) return Fail(started.status());
    metrics_server = *std::move(started);
  }
  auto server = carillon::facade::Server::Start(options, &metrics);
  if (!server.ok()) return Fail(server.status());
  const int signal = signals.WaitForShutdown();
  Log(Level::kInfo, "shutting down", {{"signal", signal}});
  (*server)->Drain();
  Log(Level::kInfo, "ended");
  return 0;
}
