// The endpoints under /api/v3.
#ifndef CARILLON_WSFACADE_API_API_H_
#define CARILLON_WSFACADE_API_API_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "wsfacade/api/origin_policy.h"
#include "wsfacade/http/exchange.h"
#include "wsfacade/http/http_session.h"
#include "wsfacade/http/target.h"
#include "wsfacade/hub/hub.h"
#include "wsfacade/session/websocket_session.h"

namespace carillon::facade {

// What the endpoints share. All of it outlives them.
struct ApiContext {
  Hub* hub;
  const WebsocketLimits* websocket_limits;
  CloseCounts* closes;
  // Set before the first request.
  uint16_t port = 0;
};

// A request on its way through the endpoints. Holds credentials: not for a log.
struct ApiRequest {
  std::shared_ptr<HttpExchange> exchange;
  Target target;
  // In the form of an Authorization header.
  std::string authorization;
  std::string origin;
  const OriginPolicy* origins;

  // Answers. Any thread.
  void Respond(HttpResponse response) const;
};

class Api : public HttpHandler {
 public:
  // `context` must outlive it.
  Api(const ApiContext* context, std::vector<std::string> allowed_origins);

  std::optional<HttpResponse> OnHeader(const HttpHeader& header, const std::string& peer) override;
  void OnRequest(std::shared_ptr<HttpExchange> exchange) override;

 private:
  const ApiContext* const context_;
  const OriginPolicy origins_;
};

// The endpoints. Each answers once, now or later; the request has credentials.

// GET /api/v3/ws: becomes a websocket.
void OpenWebsocket(const ApiContext& context, ApiRequest request);
// GET /api/v3/info.
void GetInfo(const ApiContext& context, ApiRequest request);
// GET /api/v3/users/NAME/token.
void GrantToken(const ApiContext& context, ApiRequest request);
// POST /api/v3/events.
void PublishEvent(const ApiContext& context, ApiRequest request);

// The body of GET /api/v3/info.
std::string InfoJson(const ApiContext& context, const v1::GetStatusResponse& status);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_API_API_H_
