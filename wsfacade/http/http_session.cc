#include "wsfacade/http/http_session.h"

#include <boost/beast/http/serializer.hpp>
#include <utility>

#include "absl/strings/str_cat.h"
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
  if (input_.empty() && !parser_.has_value() && header_seen_) {
    // A next request begins.
    connection_->SetDeadline(limits_->handshake_timeout);
  }
  input_.append(bytes.data(), bytes.size());
  Advance();
}

void HttpSession::Advance() {
  while (!busy_ && !input_.empty() && !connection_->is_closing()) {
    if (!parser_.has_value()) {
      // Clients may end a request with an empty line too many.
      input_.erase(0, input_.find_first_not_of("\r\n"));
      if (input_.empty()) return;
      parser_.emplace();
      parser_->header_limit(limits_->header_bytes_max);
      parser_->body_limit(limits_->body_bytes_max);
      header_seen_ = false;
    }
    boost::system::error_code error;
    input_.erase(0, parser_->put(boost::asio::buffer(input_), error));
    if (error == http::error::header_limit) {
      return Refuse(http::status::request_header_fields_too_large, "HEADER_TOO_LARGE",
                    absl::StrCat("the request's header is larger than header-bytes-max, ",
                                 limits_->header_bytes_max, " bytes"));
    }
    if (error == http::error::body_limit) return RefuseBody();
    if (error && error != http::error::need_more) {
      return Refuse(http::status::bad_request, "BAD_REQUEST",
                    absl::StrCat("this is not HTTP/1.1: ", error.message()));
    }
    if (!header_seen_ && parser_->is_header_done() && !OnHeader()) return;
    if (parser_->is_done()) {
      busy_ = true;
      connection_->PauseReading();
      connection_->CancelDeadline();
      HttpRequest request = parser_->release();
      parser_.reset();
      is_head_ = request.method() == http::verb::head;
      keep_alive_ = request.keep_alive();
      handler_->OnRequest(std::make_shared<HttpExchange>(connection_, this, std::move(request)));
      return;
    }
    if (error == http::error::need_more) break;
  }
  if (peer_ended_ && !busy_) connection_->CloseGracefully("", limits_->close_timeout);
}

void HttpSession::RefuseBody() {
  Refuse(http::status::payload_too_large, "BODY_TOO_LARGE",
         absl::StrCat("the request's body is larger than body-bytes-max, ", limits_->body_bytes_max,
                      " bytes"));
}

bool HttpSession::OnHeader() {
  header_seen_ = true;
  connection_->EndOpening();
  parser_->eager(true);
  connection_->SetDeadline(limits_->idle_timeout);
  // RFC 9112, section 3.2.
  if (parser_->get().version() >= 11 && parser_->get().count(http::field::host) != 1) {
    Refuse(http::status::bad_request, "BAD_REQUEST", "an HTTP/1.1 request has one Host field");
    return false;
  }
  if (parser_->content_length().value_or(0) > limits_->body_bytes_max) {
    RefuseBody();
    return false;
  }
  if (http::token_list(parser_->get()[http::field::expect]).exists("100-continue")) {
    connection_->SendCopy("HTTP/1.1 100 Continue\r\n\r\n");
  }
  return true;
}

void HttpSession::Refuse(http::status status, const char* type, absl::string_view message) {
  keep_alive_ = false;
  is_head_ = false;
  Write(ErrorResponse(status, type, message));
}

void HttpSession::Write(HttpResponse response) {
  if (draining_ || peer_ended_) keep_alive_ = false;
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
    const bool ended = peer_ended_;
    Protocol* const next = protocol.get();
    // Ends this object.
    connection->SwitchTo(std::move(protocol));
    if (!rest.empty() && !connection->is_closing()) next->OnBytes(absl::MakeSpan(rest));
    if (ended && !connection->is_closing()) next->OnEnd();
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

void HttpSession::OnEnd() {
  peer_ended_ = true;
  if (!busy_) connection_->CloseGracefully("", limits_->close_timeout);
}

void HttpSession::OnDeadline() {
  if (!connection_->is_ready()) {
    connection_->thread().counts.handshakes_failed.Add(1);
    return connection_->Abort("handshake timeout");
  }
  if (!parser_.has_value() && input_.empty()) {
    return connection_->CloseGracefully("", limits_->close_timeout);
  }
  Refuse(http::status::request_timeout, "TIMEOUT",
         "the request did not arrive within handshake-timeout");
}

void HttpSession::OnDrain() {
  draining_ = true;
  if (!busy_) connection_->CloseGracefully("", limits_->close_timeout);
}

void HttpSession::OnClosed(absl::string_view) {}

}  // namespace carillon::facade
