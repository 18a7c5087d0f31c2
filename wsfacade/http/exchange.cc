#include "wsfacade/http/exchange.h"

#include <utility>

#include "wsfacade/http/http_session.h"
#include "wsfacade/http/responses.h"

namespace carillon::facade {

HttpExchange::HttpExchange(Connection* connection, HttpSession* session, HttpRequest message)
    : thread_(&connection->thread()),
      connection_(connection->weak_from_this()),
      session_(session),
      peer_(connection->peer()),
      request_(std::move(message)) {}

HttpExchange::~HttpExchange() {
  if (!answered_) {
    Respond(ErrorResponse(HttpStatus::internal_server_error, "INTERNAL",
                          "the request was given up; try again"));
  }
}

void HttpExchange::Respond(HttpResponse response) { Answer(std::move(response), nullptr); }

void HttpExchange::Switch(HttpResponse response, std::unique_ptr<Protocol> protocol) {
  Answer(std::move(response), std::move(protocol));
}

void HttpExchange::Answer(HttpResponse response, std::unique_ptr<Protocol> protocol) {
  answered_ = true;
  // The session speaks on the connection as long as it is open and the exchange is not answered.
  thread_->Post([weak = connection_, session = session_, response = std::move(response),
                 protocol = std::move(protocol)]() mutable {
    const std::shared_ptr<Connection> connection = weak.lock();
    if (connection == nullptr || connection->is_closed()) return;
    session->OnAnswer(std::move(response), std::move(protocol));
  });
}

}  // namespace carillon::facade
