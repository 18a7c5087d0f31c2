#include "wsfacade/ws/handshake.h"

#include <gtest/gtest.h>

#include <boost/beast/http/field.hpp>

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

HttpRequest GoodRequest() {
  HttpRequest request(http::verb::get, "/api/v3/ws", 11);
  request.set(http::field::host, "localhost");
  request.set(http::field::upgrade, "websocket");
  request.set(http::field::connection, "keep-alive, Upgrade");
  request.set(http::field::sec_websocket_key, "dGhlIHNhbXBsZSBub25jZQ==");
  request.set(http::field::sec_websocket_version, "13");
  return request;
}

TEST(HandshakeTest, AnswersTheExampleOfRfc6455) {
  const HttpRequest request = GoodRequest();
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kOk);
  const HttpResponse response = HandshakeResponse(request);
  EXPECT_EQ(response.result_int(), 101u);
  EXPECT_EQ(response[http::field::sec_websocket_accept], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

TEST(HandshakeTest, SelectsNoSubprotocol) {
  HttpRequest request = GoodRequest();
  request.set(http::field::sec_websocket_protocol, "chat");
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kOk);
  EXPECT_EQ(HandshakeResponse(request).count(http::field::sec_websocket_protocol), 0u);
}

TEST(HandshakeTest, TellsAPlainRequestFromAMalformedOne) {
  HttpRequest request = GoodRequest();
  request.erase(http::field::upgrade);
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kNotAnUpgrade);

  request = GoodRequest();
  request.set(http::field::sec_websocket_version, "8");
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kWrongVersion);

  request = GoodRequest();
  request.set(http::field::sec_websocket_key, "c2hvcnQ=");
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kMalformed);

  request = GoodRequest();
  request.erase(http::field::sec_websocket_key);
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kMalformed);

  request = GoodRequest();
  request.version(10);
  EXPECT_EQ(CheckHandshake(request), HandshakeVerdict::kMalformed);
}

}  // namespace
}  // namespace carillon::facade
