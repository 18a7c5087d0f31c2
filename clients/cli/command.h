// What the subcommands share.
#ifndef CARILLON_CLIENTS_CLI_COMMAND_H_
#define CARILLON_CLIENTS_CLI_COMMAND_H_

#include <grpcpp/client_context.h>
#include <grpcpp/support/status.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "carillon/client/connection.h"
#include "carillon/wire/error.h"
#include "clients/cli/exit_code.h"
#include "clients/cli/interrupt.h"

namespace CLI {
class App;
}

namespace carillon::cli {

// What a command works with.
struct Context {
  client::ConnectionOptions options;
  std::shared_ptr<client::Connection> connection;
  Interrupt* interrupt;

  // Prints what went wrong, unless an interrupt has cancelled it.
  ExitCode Fail(const absl::Status& error) const {
    if (interrupt->happened() && absl::IsCancelled(error)) return ExitCode::kInterrupted;
    return cli::Fail(error, options.broker);
  }
};

using Command = std::function<ExitCode(Context&)>;

// Each adds a subcommand to `app`, which sets `*command` when it is the one the user gave. A
// command line that CLI11 takes but that is wrong throws CLI::ValidationError.
void AddPublishCommand(CLI::App* app, Command* command);
void AddWatchCommand(CLI::App* app, Command* command);
void AddUsersCommand(CLI::App* app, Command* command);
void AddRolesCommand(CLI::App* app, Command* command);
void AddStatusCommand(CLI::App* app, Command* command);
void AddBenchCommand(CLI::App* app, Command* command);

// Of events, for a flag that counts them.
inline constexpr int64_t kCountMax = 1'000'000'000'000;

// How long an answer to one call may take.
inline constexpr int kCallSeconds = 30;

// One unary call with the user's credentials.
template <typename Stub, typename Request, typename Response>
absl::Status Call(const Context& context, Stub* stub,
                  grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                  const Request& request, Response* response) {
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + std::chrono::seconds(kCallSeconds));
  const absl::Status authorized = context.connection->Authorize(&call);
  if (!authorized.ok()) return authorized;
  context.interrupt->OnInterrupt([&call] { call.TryCancel(); });
  const grpc::Status status = (stub->*method)(&call, request, response);
  context.interrupt->OnInterrupt(nullptr);
  return wire::FromGrpcStatus(status);
}

// The same for a call whose answer is not shown.
template <typename Stub, typename Request, typename Response>
ExitCode CallSilently(const Context& context, Stub* stub,
                      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&, Response*),
                      const Request& request) {
  Response response;
  const absl::Status status = Call(context, stub, method, request, &response);
  return status.ok() ? ExitCode::kOk : context.Fail(status);
}

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_COMMAND_H_
