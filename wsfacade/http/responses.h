// The answers that all endpoints have in common.
#ifndef CARILLON_WSFACADE_HTTP_RESPONSES_H_
#define CARILLON_WSFACADE_HTTP_RESPONSES_H_

#include <boost/beast/http/status.hpp>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "wsfacade/http/message.h"

namespace carillon::facade {

using HttpStatus = boost::beast::http::status;

HttpResponse EmptyResponse(HttpStatus status);
// `json` is a whole JSON value.
HttpResponse JsonResponse(HttpStatus status, std::string json);
// {"Model":"","Key":"","Type":TYPE,"Messages":[MESSAGE],"Code":STATUS}. With 401 it says how to
// authenticate.
HttpResponse ErrorResponse(HttpStatus status, absl::string_view type, absl::string_view message);
// 503 with Retry-After.
HttpResponse RetryLater(absl::string_view message, absl::Duration after);
// What a failed call to the broker is to the client. INVALID_ARGUMENT becomes `invalid`.
HttpResponse BrokerError(const absl::Status& status, HttpStatus invalid);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_RESPONSES_H_
