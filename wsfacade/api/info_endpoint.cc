#include <sys/utsname.h>

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "carillon/client/event_json.h"
#include "deploy/program/version.h"
#include "wsfacade/api/api.h"
#include "wsfacade/http/responses.h"

namespace carillon::facade {
namespace {

// The names Go programs know.
std::string Architecture(absl::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  return std::string(machine);
}

void AppendMember(absl::string_view name, absl::string_view value, std::string* json) {
  client::AppendJsonString(name, json);
  json->push_back(':');
  client::AppendJsonString(value, json);
  json->push_back(',');
}

}  // namespace

std::string InfoJson(const ApiContext& context, const v1::GetStatusResponse& status) {
  utsname system;
  if (uname(&system) != 0) system = {};
  std::string json = "{";
  AppendMember("version", program::Version(), &json);
  AppendMember("broker_version", status.version(), &json);
  AppendMember("id", status.log_id(), &json);
  AppendMember("os", absl::AsciiStrToLower(system.sysname), &json);
  AppendMember("arch", Architecture(system.machine), &json);
  AppendMember("principal", status.principal(), &json);
  absl::StrAppend(&json, "\"api_port\":", context.port,
                  ",\"features\":[\"api-v3\",\"websocket\",\"publish\",\"token-grant\"]}");
  return json;
}

void GetInfo(const ApiContext& context, ApiRequest request) {
  const std::string authorization = std::move(request.authorization);
  context.hub->calls().GetStatus(
      authorization, context.hub->patience(),
      [&context, request = std::move(request)](absl::StatusOr<v1::GetStatusResponse> status) {
        if (!status.ok()) {
          return request.Respond(BrokerError(status.status(), HttpStatus::bad_request));
        }
        request.Respond(JsonResponse(HttpStatus::ok, InfoJson(context, *status)));
      });
}

}  // namespace carillon::facade
