#include "deploy/program/endpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon::program {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

TEST(EndpointTest, IsAHostAndAPort) {
  const absl::StatusOr<Endpoint> endpoint = ParseEndpoint("broker.example:8093");
  ASSERT_TRUE(endpoint.ok()) << endpoint.status();
  EXPECT_EQ(endpoint->host, "broker.example");
  EXPECT_EQ(endpoint->port, 8093);
}

TEST(EndpointTest, ReadsItsOwnText) {
  for (const char* text :
       {"127.0.0.1:0", "localhost:65535", "[::1]:8093", "[fe80::1]:1", "a-b_c.d:7"}) {
    const absl::StatusOr<Endpoint> endpoint = ParseEndpoint(text);
    ASSERT_TRUE(endpoint.ok()) << endpoint.status();
    EXPECT_EQ(endpoint->ToString(), text);
  }
}

TEST(EndpointTest, KeepsIpv6WithoutItsBrackets) {
  EXPECT_EQ(ParseEndpoint("[::1]:8093")->host, "::1");
}

TEST(EndpointTest, SaysWhatWouldBeRight) {
  for (const char* text : {"", "8093", "host", ":8093", "::1:8093", "[::1:8093", "[host]:1", "[]:1",
                           "a b:1", "user@host:1", "http://host:1"}) {
    const absl::Status status = ParseEndpoint(text).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << text;
    EXPECT_THAT(std::string(status.message()),
                StartsWith("\"" + std::string(text) + "\" is not HOST:PORT"));
  }
}

TEST(EndpointTest, RefusesWhatIsNoPort) {
  for (const char* text : {"host:", "host:65536", "host:-1", "host:+1", "host: 1", "host:http",
                           "host:99999999999999999999"}) {
    const absl::Status status = ParseEndpoint(text).status();
    EXPECT_THAT(std::string(status.message()), HasSubstr("no port from 0 to 65535")) << text;
  }
}

TEST(EndpointTest, KnowsLoopback) {
  for (const char* host : {"localhost", "LocalHost", "127.0.0.1", "127.255.0.3", "::1"}) {
    EXPECT_TRUE((Endpoint{host, 1}.IsLoopback())) << host;
  }
  for (const char* host :
       {"", "0.0.0.0", "::", "10.0.0.1", "128.0.0.1", "localhost.example", "127.example", "::2"}) {
    EXPECT_FALSE((Endpoint{host, 1}.IsLoopback())) << host;
  }
}

TEST(EndpointTest, NoneIsTheEmptyText) {
  EXPECT_TRUE(Endpoint().empty());
  EXPECT_EQ(Endpoint().ToString(), "");
}

}  // namespace
}  // namespace carillon::program
