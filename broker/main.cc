#include <grpcpp/grpcpp.h>
#include <lmdb.h>
#include <openssl/crypto.h>

#include <cstdio>
#include <cstdlib>
#include <memory>
#include <optional>

#include "absl/strings/str_cat.h"
#include "broker/config.h"
#include "broker/server.h"
#include "deploy/program/grpc_log.h"
#include "deploy/program/logging.h"
#include "deploy/program/mutex_checks.h"
#include "deploy/program/options.h"
#include "deploy/program/signals.h"

namespace {

constexpr int kStartFailed = 1;

}  // namespace

int main(int argc, char** argv) {
  using carillon::program::Level;
  using carillon::program::Log;

  carillon::broker::Config config;
  carillon::program::OptionSet options(
      {.name = "carillon-broker",
       .summary = "The event broker: accepts events over gRPC, keeps them in a log, and delivers "
                  "them to subscribers.",
       .libraries = {absl::StrCat("gRPC ", grpc::Version()), OpenSSL_version(OPENSSL_VERSION),
                     MDB_VERSION_STRING}});
  carillon::broker::AddOptions(&options, &config);
  if (const std::optional<int> code = options.LoadMain(argc, argv)) return *code;
  carillon::program::InitLogging(config.log);
  carillon::program::RedirectGrpcLog();
  carillon::program::SetUpMutexChecks();

  carillon::program::Signals signals;
  absl::StatusOr<std::unique_ptr<carillon::broker::Server>> server =
      carillon::broker::Server::Start(config);
  if (!server.ok()) {
    Log(Level::kError, "cannot start", {{"reason", server.status().message()}});
    return kStartFailed;
  }
  const int signal = signals.WaitForShutdown();
  Log(Level::kInfo, "draining", {{"signal", signal}});
  (*server)->Drain();
  server->reset();
  Log(Level::kInfo, "stopped");
  return EXIT_SUCCESS;
}
