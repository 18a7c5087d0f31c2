#include <utility>

#include "absl/status/statusor.h"
#include "carillon/client/event_json.h"
#include "carillon/wire/error.h"
#include "wsfacade/api/api.h"
#include "wsfacade/http/responses.h"

namespace carillon::facade {

void PublishEvent(const ApiContext& context, ApiRequest request) {
  absl::StatusOr<v1::Event> event = client::ParseEventJson(request.exchange->request().body());
  if (!event.ok()) {
    return request.Respond(
        ErrorResponse(HttpStatus::bad_request, "BAD_REQUEST", event.status().message()));
  }
  v1::PublishRequest publish;
  *publish.add_events() = *std::move(event);
  const std::string authorization = std::move(request.authorization);
  context.hub->calls().Publish(
      authorization, std::move(publish), context.hub->patience(),
      [request = std::move(request)](absl::StatusOr<v1::PublishResponse> response) {
        absl::Status status = response.status();
        if (status.ok() && response->results_size() == 1) {
          status = wire::FromRpcStatus(response->results(0).error());
        }
        request.Respond(status.ok() ? EmptyResponse(HttpStatus::no_content)
                                    : BrokerError(status, HttpStatus::unprocessable_entity));
      });
}

}  // namespace carillon::facade
