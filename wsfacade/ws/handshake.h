// The opening handshake, RFC 6455 section 4.2, after HTTP has parsed the request. Pure.
#ifndef CARILLON_WSFACADE_WS_HANDSHAKE_H_
#define CARILLON_WSFACADE_WS_HANDSHAKE_H_

#include <string>

#include "absl/strings/string_view.h"
#include "wsfacade/http/message.h"

namespace carillon::facade {

enum class HandshakeVerdict {
  kOk,
  // A plain request: 426.
  kNotAnUpgrade,
  // Another version than 13: 426 with the right one.
  kWrongVersion,
  // Sec-WebSocket-Key is missing or wrong, or HTTP/1.0: 400.
  kMalformed,
};

HandshakeVerdict CheckHandshake(const HttpRequest& request);

// The value of Sec-WebSocket-Accept.
std::string AcceptKey(absl::string_view key);

// 101 Switching Protocols, without a subprotocol. The handshake was kOk.
HttpResponse HandshakeResponse(const HttpRequest& request);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_WS_HANDSHAKE_H_
