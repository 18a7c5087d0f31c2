#include "wsfacade/api/origin_policy.h"

#include <gtest/gtest.h>

#include <boost/beast/http/field.hpp>
#include <string>

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

std::string AllowOrigin(const OriginPolicy& policy, absl::string_view origin) {
  HttpResponse response;
  policy.Decorate(origin, &response);
  return std::string(response[http::field::access_control_allow_origin]);
}

TEST(OriginPolicyTest, WithoutAListEveryPageMay) {
  const OriginPolicy policy({});
  for (const char* origin : {"", "null", "chrome-extension://abc", "https://example.org"}) {
    EXPECT_TRUE(policy.Allows(origin));
  }
  EXPECT_EQ(AllowOrigin(policy, "https://example.org"), "*");
  EXPECT_EQ(AllowOrigin(policy, ""), "");
}

TEST(OriginPolicyTest, WithAListOnlyItsPagesAndThoseThatAreNoPagesMay) {
  const OriginPolicy policy({"https://example.org"});
  EXPECT_TRUE(policy.Allows("https://example.org"));
  EXPECT_TRUE(policy.Allows(""));
  EXPECT_FALSE(policy.Allows("https://example.org.evil.example"));
  EXPECT_FALSE(policy.Allows("null"));
  EXPECT_EQ(AllowOrigin(policy, "https://example.org"), "https://example.org");
  EXPECT_EQ(AllowOrigin(policy, "https://other.example"), "");
}

}  // namespace
}  // namespace carillon::facade
