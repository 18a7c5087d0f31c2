#include "wsfacade/api/api.h"

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "deploy/program/logging.h"
#include "wsfacade/http/credentials.h"
#include "wsfacade/http/responses.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

struct Endpoint {
  const char* path;
  // Besides OPTIONS.
  const char* methods;
  void (*handle)(const ApiContext&, ApiRequest);
};

// Null: no such path.
const Endpoint* FindEndpoint(const std::vector<std::string>& path) {
  static constexpr Endpoint kWebsocket{"/api/v3/ws", "GET", OpenWebsocket};
  static constexpr Endpoint kInfo{"/api/v3/info", "GET, HEAD", GetInfo};
  static constexpr Endpoint kEvents{"/api/v3/events", "POST", PublishEvent};
  static constexpr Endpoint kToken{"/api/v3/users/NAME/token", "GET", GrantToken};
  if (path.size() < 3 || path[0] != "api" || path[1] != "v3") return nullptr;
  if (path.size() == 3) {
    if (path[2] == "ws") return &kWebsocket;
    if (path[2] == "info") return &kInfo;
    if (path[2] == "events") return &kEvents;
  }
  if (path.size() == 5 && path[2] == "users" && path[4] == "token") return &kToken;
  return nullptr;
}

bool Takes(const Endpoint& endpoint, http::verb method) {
  switch (method) {
    case http::verb::get:
      return absl::string_view(endpoint.methods) != "POST";
    case http::verb::head:
      return absl::string_view(endpoint.methods) == "GET, HEAD";
    case http::verb::post:
      return absl::string_view(endpoint.methods) == "POST";
    default:
      return false;
  }
}

std::string Field(const HttpRequest& request, http::field name) {
  return std::string(request[name]);
}

// Also the answer to a browser's preflight request.
HttpResponse OptionsResponse(const Endpoint& endpoint) {
  HttpResponse response = EmptyResponse(HttpStatus::no_content);
  const std::string methods = absl::StrCat(endpoint.methods, ", OPTIONS");
  response.set(http::field::allow, methods);
  response.set(http::field::access_control_allow_methods, methods);
  response.set(http::field::access_control_allow_headers, "Authorization, Content-Type");
  response.set(http::field::access_control_max_age, "600");
  return response;
}

}  // namespace

void ApiRequest::Respond(HttpResponse response) const {
  origins->Decorate(origin, &response);
  exchange->Respond(std::move(response));
}

Api::Api(const ApiContext* context, std::vector<std::string> allowed_origins)
    : context_(context), origins_(std::move(allowed_origins)) {}

void Api::OnRequest(std::shared_ptr<HttpExchange> exchange) {
  const HttpRequest& message = exchange->request();
  ApiRequest request{.exchange = exchange,
                     .target = {},
                     .authorization = "",
                     .origin = Field(message, http::field::origin),
                     .origins = &origins_};
  const auto target_text = message.target();
  absl::StatusOr<Target> target =
      ParseTarget(absl::string_view(target_text.data(), target_text.size()));
  if (!target.ok()) {
    return request.Respond(
        ErrorResponse(HttpStatus::bad_request, "BAD_REQUEST", target.status().message()));
  }
  request.target = *std::move(target);
  const Endpoint* const endpoint = FindEndpoint(request.target.segments);
  program::Log(program::Level::kDebug, "request",
               {{"peer", exchange->peer()},
                {"method", std::string(message.method_string())},
                // The path itself may hold a token that went astray.
                {"path", endpoint != nullptr ? endpoint->path : "(unknown)"}});
  if (endpoint == nullptr) {
    return request.Respond(
        ErrorResponse(HttpStatus::not_found, "NOT_FOUND",
                      "no such path; there are /api/v3/ws, /api/v3/info, /api/v3/events and "
                      "/api/v3/users/NAME/token"));
  }
  if (message.method() == http::verb::options) return request.Respond(OptionsResponse(*endpoint));
  if (!Takes(*endpoint, message.method())) {
    HttpResponse response =
        ErrorResponse(HttpStatus::method_not_allowed, "METHOD_NOT_ALLOWED",
                      absl::StrCat("this path takes ", endpoint->methods, " and OPTIONS"));
    response.set(http::field::allow, absl::StrCat(endpoint->methods, ", OPTIONS"));
    return request.Respond(std::move(response));
  }
  if (!origins_.Allows(request.origin)) {
    return request.Respond(ErrorResponse(HttpStatus::forbidden, "ORIGIN_NOT_ALLOWED",
                                         "pages of this origin may not use this server"));
  }
  request.authorization =
      AuthorizationOf(Field(message, http::field::authorization), request.target);
  if (request.authorization.empty()) {
    return request.Respond(
        ErrorResponse(HttpStatus::unauthorized, "UNAUTHENTICATED",
                      "credentials are missing or of another kind: send \"Authorization: Bearer "
                      "TOKEN\", \"Authorization: Basic "
                      "…\", or the query parameter token with a token or user:password"));
  }
  endpoint->handle(*context_, std::move(request));
}

}  // namespace carillon::facade
