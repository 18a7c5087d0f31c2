#include "wsfacade/http/responses.h"

#include <gtest/gtest.h>

#include <boost/beast/http/field.hpp>

#include "carillon/wire/error.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

TEST(ResponsesTest, ErrorsHaveTheFormOfTheProtocol) {
  const HttpResponse response = ErrorResponse(HttpStatus::not_found, "NOT_FOUND", "no \"x\"");
  EXPECT_EQ(response.body(), R"({"Model":"","Key":"","Type":"NOT_FOUND","Messages":["no \"x\""],)"
                             R"("Code":404})");
  EXPECT_EQ(response[http::field::content_type], "application/json");
}

TEST(ResponsesTest, UnauthorizedSaysHowToAuthenticate) {
  const HttpResponse response =
      BrokerError(absl::UnauthenticatedError("no"), HttpStatus::bad_request);
  EXPECT_EQ(response.result_int(), 401u);
  EXPECT_NE(response[http::field::www_authenticate].find("Basic"), boost::string_view::npos);
}

TEST(ResponsesTest, BrokerErrorsBecomeTheCodesOfTheProtocol) {
  const auto code = [](const absl::Status& status) {
    return BrokerError(status, HttpStatus::unprocessable_entity).result_int();
  };
  EXPECT_EQ(code(absl::InvalidArgumentError("")), 422u);
  EXPECT_EQ(code(absl::PermissionDeniedError("")), 403u);
  EXPECT_EQ(code(absl::NotFoundError("")), 404u);
  EXPECT_EQ(code(absl::UnavailableError("")), 503u);
  EXPECT_EQ(code(absl::DeadlineExceededError("")), 503u);
  EXPECT_EQ(code(absl::InternalError("")), 500u);
}

TEST(ResponsesTest, RetryAfterIsWhatTheBrokerSaysInWholeSeconds) {
  const absl::Status busy =
      wire::WithRetry(absl::ResourceExhaustedError("busy"), absl::Milliseconds(2100));
  EXPECT_EQ(BrokerError(busy, HttpStatus::bad_request)[http::field::retry_after], "3");
  EXPECT_EQ(
      BrokerError(absl::UnavailableError(""), HttpStatus::bad_request)[http::field::retry_after],
      "1");
}

}  // namespace
}  // namespace carillon::facade
