#include "wsfacade/http/responses.h"

#include <boost/beast/http/field.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
#include "carillon/client/event_json.h"
#include "carillon/wire/error.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

constexpr absl::Duration kRetryAfter = absl::Seconds(1);

}  // namespace

HttpResponse EmptyResponse(HttpStatus status) { return HttpResponse(status, 11); }

HttpResponse JsonResponse(HttpStatus status, std::string json) {
  HttpResponse response(status, 11);
  response.set(http::field::content_type, "application/json");
  response.set(http::field::cache_control, "no-store");
  response.body() = std::move(json);
  return response;
}

HttpResponse ErrorResponse(HttpStatus status, absl::string_view type, absl::string_view message) {
  std::string json = "{\"Model\":\"\",\"Key\":\"\",\"Type\":";
  client::AppendJsonString(type, &json);
  json += ",\"Messages\":[";
  client::AppendJsonString(message, &json);
  absl::StrAppend(&json, "],\"Code\":", static_cast<int>(status), "}");
  HttpResponse response = JsonResponse(status, std::move(json));
  if (status == HttpStatus::unauthorized) {
    response.set(http::field::www_authenticate,
                 "Bearer realm=\"carillon\", Basic realm=\"carillon\", charset=\"UTF-8\"");
  }
  return response;
}

HttpResponse RetryLater(absl::string_view message, absl::Duration after) {
  HttpResponse response = ErrorResponse(HttpStatus::service_unavailable, "UNAVAILABLE", message);
  const int64_t seconds = absl::ToInt64Seconds(absl::Ceil(after, absl::Seconds(1)));
  response.set(http::field::retry_after, absl::StrCat(seconds));
  return response;
}

HttpResponse BrokerError(const absl::Status& status, HttpStatus invalid) {
  const absl::string_view message = status.message();
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return ErrorResponse(invalid, "INVALID", message);
    case absl::StatusCode::kUnauthenticated:
      return ErrorResponse(HttpStatus::unauthorized, "UNAUTHENTICATED", message);
    case absl::StatusCode::kPermissionDenied:
      return ErrorResponse(HttpStatus::forbidden, "FORBIDDEN", message);
    case absl::StatusCode::kNotFound:
      return ErrorResponse(HttpStatus::not_found, "NOT_FOUND", message);
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
    case absl::StatusCode::kCancelled:
      return RetryLater("the broker cannot be reached at the moment; try again", kRetryAfter);
    case absl::StatusCode::kResourceExhausted:
      return RetryLater(message, wire::RetryDelayOf(status).value_or(kRetryAfter));
    default:
      return ErrorResponse(HttpStatus::internal_server_error, "INTERNAL", message);
  }
}

}  // namespace carillon::facade
