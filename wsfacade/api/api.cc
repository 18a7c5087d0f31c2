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

std::string Field(const HttpHeader& header, http::field name) { return std::string(header[name]); }

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

// Where a request goes.
struct Route {
  // Null: nowhere.
  const Endpoint* endpoint = nullptr;
  Target target;
  std::string authorization;
};

// Finds the way, or the answer, if the header suffices for one.
std::optional<HttpResponse> FindRoute(const HttpHeader& header, const OriginPolicy& origins,
                                      Route* route) {
  const auto target_text = header.target();
  absl::StatusOr<Target> target =
      ParseTarget(absl::string_view(target_text.data(), target_text.size()));
  if (!target.ok()) {
    return ErrorResponse(HttpStatus::bad_request, "BAD_REQUEST", target.status().message());
  }
  route->target = *std::move(target);
  const Endpoint* const endpoint = FindEndpoint(route->target.segments);
  route->endpoint = endpoint;
  if (endpoint == nullptr) {
    return ErrorResponse(HttpStatus::not_found, "NOT_FOUND",
                         "no such path; there are /api/v3/ws, /api/v3/info, /api/v3/events and "
                         "/api/v3/users/NAME/token");
  }
  if (header.method() == http::verb::options) return OptionsResponse(*endpoint);
  if (!Takes(*endpoint, header.method())) {
    HttpResponse response =
        ErrorResponse(HttpStatus::method_not_allowed, "METHOD_NOT_ALLOWED",
                      absl::StrCat("this path takes ", endpoint->methods, " and OPTIONS"));
    response.set(http::field::allow, absl::StrCat(endpoint->methods, ", OPTIONS"));
    return response;
  }
  if (!origins.Allows(Field(header, http::field::origin))) {
    return ErrorResponse(HttpStatus::forbidden, "ORIGIN_NOT_ALLOWED",
                         "pages of this origin may not use this server");
  }
  route->authorization = AuthorizationOf(Field(header, http::field::authorization), route->target);
  if (route->authorization.empty()) {
    return ErrorResponse(
        HttpStatus::unauthorized, "UNAUTHENTICATED",
        "credentials are missing or of another kind: send \"Authorization: Bearer TOKEN\", "
        "\"Authorization: Basic …\", or the query parameter token with a token or user:password");
  }
  return std::nullopt;
}

void LogRequest(const std::string& peer, const HttpHeader& header, const Route& route) {
  program::Log(program::Level::kDebug, "request",
               {{"peer", peer},
                {"method", std::string(header.method_string())},
                // The path itself may hold a token that went astray.
                {"path", route.endpoint != nullptr ? route.endpoint->path : "(unknown)"}});
}

}  // namespace

void ApiRequest::Respond(HttpResponse response) const {
  origins->Decorate(origin, &response);
  exchange->Respond(std::move(response));
}

Api::Api(const ApiContext* context, std::vector<std::string> allowed_origins)
    : context_(context), origins_(std::move(allowed_origins)) {}

std::optional<HttpResponse> Api::OnHeader(const HttpHeader& header, const std::string& peer) {
  Route route;
  std::optional<HttpResponse> answer = FindRoute(header, origins_, &route);
  if (answer.has_value()) {
    LogRequest(peer, header, route);
    origins_.Decorate(Field(header, http::field::origin), &*answer);
  }
  return answer;
}

void Api::OnRequest(std::shared_ptr<HttpExchange> exchange) {
  const HttpRequest& message = exchange->request();
  Route route;
  std::optional<HttpResponse> answer = FindRoute(message, origins_, &route);
  LogRequest(exchange->peer(), message, route);
  ApiRequest request{.exchange = std::move(exchange),
                     .target = std::move(route.target),
                     .authorization = std::move(route.authorization),
                     .origin = Field(message, http::field::origin),
                     .origins = &origins_};
  if (answer.has_value()) return request.Respond(*std::move(answer));
  route.endpoint->handle(*context_, std::move(request));
}

}  // namespace carillon::facade
