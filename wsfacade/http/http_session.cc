#include "wsfacade/http/http_session.h"

#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/serializer.hpp>
#include <utility>

#include "wsfacade/http/responses.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

std::string Serialize(HttpResponse& response) {
  std::string text;
  http::response_serializer<http::string_body> serializer(response);
  boost::system::error_code error;
  while (!serializer.is_done() && !error) {
    serializer.next(error, [&](boost::system::error_code&, const auto& buffers) {
      size_t size = 0;
      for (auto it = boost::asio::buffer_sequence_begin(buffers);
           it != boost::asio::buffer_sequence_end(buffers); ++it) {
        text.append(static_cast<const char*>((*it).data()), (*it).size());
        size += (*it).size();
      }
      serializer.consume(size);
    });
  }
  return text;
}

}  // namespace

HttpSession::HttpSession(const HttpLimits* limits, HttpCounts* counts, HttpHandler* handler)
    : limits_(limits), counts_(counts), handler_(handler) {}

void HttpSession::OnStart(Connection* connection) {
  connection_ = connection;
  connection->SetDeadline(limits_->handshake_timeout);
}

void HttpSession::OnBytes(absl::Span<char> bytes) {
  input_.append(bytes.data(), bytes.size());
  Advance();
}

void HttpSession::Advance() {
  while (!busy_ && !connection_->is_closing()) {
    if (!parser_.has_value() && !BeginRequest()) return;
    switch (parser_->Parse(&input_)) {
      case RequestParser::Progress::kIncomplete:
        return;
      case RequestParser::Progress::kHeader:
        OnHeader();
        break;
      case RequestParser::Progress::kComplete:
        OnRequest();
        break;
      case RequestParser::Progress::kRefused: {
        const RequestRefusal& refusal = parser_->refusal();
        Refuse(ErrorResponse(refusal.status, refusal.type, refusal.message));
        break;
      }
    }
  }
}

bool HttpSession::BeginRequest() {
  // Clients may end a request with an empty line too many.
  input_.erase(0, input_.find_first_not_of("\r\n"));
  if (input_.empty()) return false;
  // The first one's time runs since the connection began.
  if (header_seen_) connection_->SetDeadline(limits_->handshake_timeout);
  header_seen_ = false;
  parser_.emplace(limits_->header_bytes_max, limits_->body_bytes_max);
  return true;
}

void HttpSession::OnHeader() {
  header_seen_ = true;
  connection_->EndOpening();
  connection_->SetDeadline(limits_->idle_timeout);
  if (!parser_->expects_body()) return;
  if (std::optional<HttpResponse> answer =
          handler_->OnHeader(parser_->header(), connection_->peer())) {
    return Refuse(*std::move(answer));
  }
  if (http::token_list(parser_->header()[http::field::expect]).exists("100-continue")) {
    connection_->SendCopy("HTTP/1.1 100 Continue\r\n\r\n");
  }
}

void HttpSession::OnRequest() {
  busy_ = true;
  connection_->PauseReading();
  connection_->CancelDeadline();
  is_head_ = parser_->is_head();
  HttpRequest request = parser_->TakeRequest();
  parser_.reset();
  keep_alive_ = request.keep_alive();
  handler_->OnRequest(std::make_shared<HttpExchange>(connection_, this, std::move(request)));
}

void HttpSession::Refuse(HttpResponse response) {
  is_head_ = parser_->is_head();
  keep_alive_ = false;
  Write(std::move(response));
}

void HttpSession::Write(HttpResponse response) {
  if (draining_) keep_alive_ = false;
  counts_->Count(response.result_int());
  response.keep_alive(keep_alive_);
  if (response.result() != http::status::no_content) response.prepare_payload();
  if (is_head_) {
    const std::string length(response[http::field::content_length]);
    response.body().clear();
    response.set(http::field::content_length, length);
  }
  connection_->SendCopy(Serialize(response));
  if (!keep_alive_) connection_->CloseGracefully("", limits_->close_timeout);
}

void HttpSession::OnAnswer(HttpResponse response, std::unique_ptr<Protocol> protocol) {
  busy_ = false;
  Connection* const connection = connection_;
  if (protocol != nullptr) {
    counts_->Count(response.result_int());
    connection->SendCopy(Serialize(response));
    std::string rest = std::exchange(input_, {});
    const bool draining = draining_;
    Protocol* const next = protocol.get();
    // Ends this object.
    connection->SwitchTo(std::move(protocol));
    if (!rest.empty() && !connection->is_closing()) next->OnBytes(absl::MakeSpan(rest));
    if (draining && !connection->is_closing()) next->OnDrain();
    connection->ResumeReading();
    return;
  }
  Write(std::move(response));
  if (connection->is_closing()) return;
  connection->SetDeadline(limits_->idle_timeout);
  if (connection->outbox().size_bytes() <= limits_->unread_bytes_max) return OnRoom();
  connection->AwaitRoom(limits_->unread_bytes_max);
}

void HttpSession::OnRoom() {
  connection_->ResumeReading();
  Advance();
}

// Never while a request waits for its answer: nothing is read then.
void HttpSession::OnEnd() { connection_->CloseGracefully("", limits_->close_timeout); }

void HttpSession::OnDeadline() {
  if (!connection_->is_ready()) {
    connection_->thread().counts.handshakes_failed.Add(1);
    return connection_->Abort("handshake timeout");
  }
  // Between two requests, or the client does not read its answers.
  if (!parser_.has_value()) return connection_->CloseGracefully("", limits_->close_timeout);
  Refuse(ErrorResponse(http::status::request_timeout, "TIMEOUT",
                       header_seen_
                           ? "the request's body did not arrive within http-idle-timeout"
                           : "the request's header did not arrive within handshake-timeout"));
}

void HttpSession::OnDrain() {
  draining_ = true;
  if (!busy_) connection_->CloseGracefully("", limits_->close_timeout);
}

void HttpSession::OnClosed(absl::string_view) {}

}  // namespace carillon::facade
