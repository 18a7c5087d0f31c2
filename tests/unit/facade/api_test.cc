#include "wsfacade/api/api.h"

#include <gtest/gtest.h>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <optional>

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

constexpr char kPage[] = "https://example.org";

// The header of a request that only its body can spoil.
HttpRequest GoodPost() {
  HttpRequest request(http::verb::post, "/api/v3/events", 11);
  request.set(http::field::host, "localhost");
  request.set(http::field::authorization, "Bearer token");
  return request;
}

class ApiTest : public testing::Test {
 protected:
  // 0: it has none yet.
  int AnswerTo(const HttpRequest& request) {
    answer_ = api_.OnHeader(request, "127.0.0.1:1");
    return answer_.has_value() ? static_cast<int>(answer_->result_int()) : 0;
  }

  const ApiContext context_{};
  Api api_{&context_, {kPage}};
  std::optional<HttpResponse> answer_;
};

TEST_F(ApiTest, WaitsForTheBodyThatAnEndpointWillLookAt) { EXPECT_EQ(AnswerTo(GoodPost()), 0); }

TEST_F(ApiTest, AnswersAHeaderThatNoBodyCanMend) {
  HttpRequest request = GoodPost();
  request.target("events");
  EXPECT_EQ(AnswerTo(request), 400);
  request.target("/api/v3/nothing");
  EXPECT_EQ(AnswerTo(request), 404);
  request.target("/api/v3/info");
  EXPECT_EQ(AnswerTo(request), 405);
  EXPECT_EQ((*answer_)[http::field::allow], "GET, HEAD, OPTIONS");

  request = GoodPost();
  request.erase(http::field::authorization);
  EXPECT_EQ(AnswerTo(request), 401);

  request = GoodPost();
  request.set(http::field::origin, "https://example.com");
  EXPECT_EQ(AnswerTo(request), 403);

  request = GoodPost();
  request.method(http::verb::options);
  EXPECT_EQ(AnswerTo(request), 204);
}

TEST_F(ApiTest, LetsThePageReadTheAnswerToAHeader) {
  HttpRequest request = GoodPost();
  request.set(http::field::origin, kPage);
  EXPECT_EQ(AnswerTo(request), 0);
  request.erase(http::field::authorization);
  EXPECT_EQ(AnswerTo(request), 401);
  EXPECT_EQ((*answer_)[http::field::access_control_allow_origin], kPage);
}

}  // namespace
}  // namespace carillon::facade
