#include "wsfacade/ws/handshake.h"

#include <openssl/sha.h>

#include <boost/beast/websocket/rfc6455.hpp>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

absl::string_view Field(const HttpRequest& request, http::field name) {
  const auto value = request[name];
  return {value.data(), value.size()};
}

}  // namespace

HandshakeVerdict CheckHandshake(const HttpRequest& request) {
  // Beast's check covers version and method too; those that only lack the key or have the wrong
  // version get an answer that says so.
  if (!http::token_list(request[http::field::connection]).exists("upgrade") ||
      !http::token_list(request[http::field::upgrade]).exists("websocket")) {
    return HandshakeVerdict::kNotAnUpgrade;
  }
  if (absl::StripAsciiWhitespace(Field(request, http::field::sec_websocket_version)) != "13") {
    return HandshakeVerdict::kWrongVersion;
  }
  std::string nonce;
  if (!boost::beast::websocket::is_upgrade(request) ||
      !absl::Base64Unescape(
          absl::StripAsciiWhitespace(Field(request, http::field::sec_websocket_key)), &nonce) ||
      nonce.size() != 16) {
    return HandshakeVerdict::kMalformed;
  }
  return HandshakeVerdict::kOk;
}

std::string AcceptKey(absl::string_view key) {
  const std::string text = absl::StrCat(key, "258EAFA5-E914-47DA-95CA-C5AB0DC85B11");
  unsigned char digest[SHA_DIGEST_LENGTH];
  SHA1(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest);
  return absl::Base64Escape(
      absl::string_view(reinterpret_cast<const char*>(digest), sizeof(digest)));
}

HttpResponse HandshakeResponse(const HttpRequest& request) {
  HttpResponse response(http::status::switching_protocols, 11);
  response.set(http::field::upgrade, "websocket");
  response.set(http::field::connection, "Upgrade");
  response.set(
      http::field::sec_websocket_accept,
      AcceptKey(absl::StripAsciiWhitespace(Field(request, http::field::sec_websocket_key))));
  return response;
}

}  // namespace carillon::facade
