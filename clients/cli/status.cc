// carillon status

#include <google/protobuf/util/json_util.h>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "clients/cli/command.h"
#include "clients/cli/output.h"

namespace carillon::cli {
namespace {

std::string StatusTable(const v1::GetStatusResponse& status, const std::string& broker) {
  const absl::Time start = absl::FromUnixSeconds(status.start_time().seconds());
  return FormatTable({
      {"Broker", absl::StrCat(broker, ", version ", status.version())},
      {"Running since", absl::FormatTime("%Y-%m-%d %H:%M:%S UTC", start, absl::UTCTimeZone())},
      {"You are", status.principal()},
      {"Log", status.log_id()},
      {"Events kept", WithThousands(status.event_count())},
      {"Bytes kept", WithThousands(status.event_bytes())},
      {"Earliest position", status.earliest_position()},
      {"Latest position", status.latest_position()},
      {"Open streams", WithThousands(status.stream_count())},
      {"Subscriptions", WithThousands(status.subscription_count())},
  });
}

ExitCode Status(bool json, Context& context) {
  const auto stub = v1::EventService::NewStub(context.connection->channel());
  v1::GetStatusResponse response;
  const absl::Status status = Call(context, stub.get(), &v1::EventService::Stub::GetStatus,
                                   v1::GetStatusRequest(), &response);
  if (!status.ok()) return context.Fail(status);
  if (!json) return PrintResult(StatusTable(response, context.options.broker));
  google::protobuf::util::JsonPrintOptions print;
  print.always_print_primitive_fields = true;
  std::string text;
  if (!google::protobuf::util::MessageToJsonString(response, &text, print).ok()) {
    return context.Fail(absl::InternalError("the broker's answer cannot be shown as JSON"));
  }
  return PrintResult(text + "\n");
}

}  // namespace

void AddStatusCommand(CLI::App* app, Command* command) {
  CLI::App* status = app->add_subcommand("status", "Show the broker's status");
  auto json = std::make_shared<bool>(false);
  status->add_flag("--json", *json, "as JSON");
  status->callback(
      [json, command] { *command = [json](Context& context) { return Status(*json, context); }; });
}

}  // namespace carillon::cli
