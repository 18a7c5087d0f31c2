#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "carillon/client/event_json.h"
#include "wsfacade/api/api.h"
#include "wsfacade/http/responses.h"

namespace carillon::facade {
namespace {

constexpr int64_t kDefaultTtlSeconds = 3600;

absl::StatusOr<v1::GrantTokenRequest> MakeRequest(const Target& target) {
  v1::GrantTokenRequest request;
  request.set_name(target.segments[3]);
  int64_t ttl = kDefaultTtlSeconds;
  if (const std::optional<absl::string_view> text = target.Parameter("ttl");
      text.has_value() && !text->empty() && (!absl::SimpleAtoi(*text, &ttl) || ttl < 1)) {
    return absl::InvalidArgumentError("ttl must be a whole number of seconds, at least 1");
  }
  request.mutable_ttl()->set_seconds(ttl);
  for (absl::string_view role :
       absl::StrSplit(target.Parameter("roles").value_or(""), ',', absl::SkipWhitespace())) {
    request.add_roles(std::string(absl::StripAsciiWhitespace(role)));
  }
  const auto narrow = [&](absl::string_view name, auto set) {
    const absl::string_view value = target.Parameter(name).value_or("");
    if (!value.empty()) (request.mutable_claim()->*set)(std::string(value));
  };
  using Set = void (v1::Claim::*)(std::string &&);
  narrow("scope", static_cast<Set>(&v1::Claim::set_scope));
  narrow("action", static_cast<Set>(&v1::Claim::set_action));
  narrow("specific", static_cast<Set>(&v1::Claim::set_specific));
  return request;
}

// Adds what the client is told about the server it now has a token for.
void RespondWithInfo(const ApiContext& context, ApiRequest request, std::string token) {
  const std::string authorization = std::move(request.authorization);
  context.hub->calls().GetStatus(
      authorization, context.hub->patience(),
      [&context, request = std::move(request),
       token = std::move(token)](absl::StatusOr<v1::GetStatusResponse> status) {
        if (!status.ok()) {
          return request.Respond(BrokerError(status.status(), HttpStatus::bad_request));
        }
        std::string json = "{\"Token\":";
        client::AppendJsonString(token, &json);
        absl::StrAppend(&json, ",\"Info\":", InfoJson(context, *status), "}");
        request.Respond(JsonResponse(HttpStatus::ok, std::move(json)));
      });
}

}  // namespace

void GrantToken(const ApiContext& context, ApiRequest request) {
  absl::StatusOr<v1::GrantTokenRequest> grant = MakeRequest(request.target);
  if (!grant.ok()) {
    return request.Respond(
        ErrorResponse(HttpStatus::bad_request, "INVALID", grant.status().message()));
  }
  const std::string authorization = request.authorization;
  context.hub->calls().GrantToken(
      authorization, *std::move(grant), context.hub->patience(),
      [&context,
       request = std::move(request)](absl::StatusOr<v1::GrantTokenResponse> granted) mutable {
        if (!granted.ok()) {
          return request.Respond(BrokerError(granted.status(), HttpStatus::bad_request));
        }
        RespondWithInfo(context, std::move(request), std::move(*granted->mutable_token()));
      });
}

}  // namespace carillon::facade
