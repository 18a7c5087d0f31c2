#include <boost/beast/http/field.hpp>
#include <memory>
#include <utility>

#include "deploy/program/logging.h"
#include "wsfacade/api/api.h"
#include "wsfacade/http/responses.h"
#include "wsfacade/session/websocket_session.h"
#include "wsfacade/ws/handshake.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

HttpResponse UpgradeRequired(absl::string_view message) {
  HttpResponse response = ErrorResponse(HttpStatus::upgrade_required, "UPGRADE_REQUIRED", message);
  response.set(http::field::upgrade, "websocket");
  // RFC 9110, section 7.8: Upgrade is for the next hop alone.
  response.set(http::field::connection, "Upgrade");
  response.set(http::field::sec_websocket_version, "13");
  return response;
}

}  // namespace

void OpenWebsocket(const ApiContext& context, ApiRequest request) {
  switch (CheckHandshake(request.exchange->request())) {
    case HandshakeVerdict::kOk:
      break;
    case HandshakeVerdict::kNotAnUpgrade:
      return request.Respond(UpgradeRequired("this path speaks websocket; ask for the upgrade"));
    case HandshakeVerdict::kWrongVersion:
      return request.Respond(UpgradeRequired("only version 13 of the websocket protocol is known"));
    case HandshakeVerdict::kMalformed:
      return request.Respond(
          ErrorResponse(HttpStatus::bad_request, "BAD_REQUEST",
                        "not a websocket handshake: it takes HTTP/1.1 and a Sec-WebSocket-Key of "
                        "16 bytes in base64"));
  }
  const std::shared_ptr<HttpExchange> exchange = request.exchange;
  std::string authorization = std::move(request.authorization);
  context.hub->OpenSession(
      std::move(authorization), exchange->peer(), exchange->thread(),
      [&context, request = std::move(request)](absl::StatusOr<SessionLease> lease) mutable {
        if (!lease.ok()) {
          static program::LimitedLog log_refused(10);
          // It is the facade that lacks a right then, not the user.
          const bool facade_is_wrong = absl::IsPermissionDenied(lease.status());
          log_refused.Log(
              facade_is_wrong ? program::Level::kWarn : program::Level::kInfo,
              facade_is_wrong ? "websocket refused: this facade's own account lacks a right"
                              : "websocket refused",
              {{"peer", request.exchange->peer()}, {"reason", lease.status().message()}});
          return request.Respond(BrokerError(lease.status(), HttpStatus::unauthorized));
        }
        FanOut* const fan_out = &context.hub->fan_out(request.exchange->thread().index());
        request.exchange->Switch(
            HandshakeResponse(request.exchange->request()),
            std::make_unique<WebsocketSession>(context.websocket_limits, context.closes, fan_out,
                                               *std::move(lease)));
      });
}

}  // namespace carillon::facade
