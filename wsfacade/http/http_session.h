// Speaks HTTP/1.1 on a connection: one request at a time, kept alive between them.
#ifndef CARILLON_WSFACADE_HTTP_HTTP_SESSION_H_
#define CARILLON_WSFACADE_HTTP_HTTP_SESSION_H_

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "wsfacade/http/exchange.h"
#include "wsfacade/http/message.h"
#include "wsfacade/http/request_parser.h"
#include "wsfacade/net/connection.h"

namespace carillon::facade {

struct HttpLimits {
  uint32_t header_bytes_max = 16 << 10;
  uint64_t body_bytes_max = 0;
  // From the connection's begin to the end of the first request's header, TLS included.
  absl::Duration handshake_timeout = absl::Seconds(5);
  // For the rest of a request, and for the next one to begin.
  absl::Duration idle_timeout = absl::Seconds(30);
  // To write the last response.
  absl::Duration close_timeout = absl::Seconds(5);
  // While the client has more than this of its responses to read, its next request waits.
  size_t unread_bytes_max = 64 << 10;
};

// Responses by status code. Any thread.
class HttpCounts {
 public:
  void Count(int code) {
    if (code >= 0 && code < kCodes) counts_[code].fetch_add(1, std::memory_order_relaxed);
  }
  int64_t Get(int code) const { return counts_[code].load(std::memory_order_relaxed); }
  static constexpr int kCodes = 600;

 private:
  std::array<std::atomic<int64_t>, kCodes> counts_{};
};

// Answers requests. Called on the connection's thread; must not block.
class HttpHandler {
 public:
  virtual ~HttpHandler() = default;
  // Before the body of a request comes: the answer, if the header suffices for it. The connection
  // is ended then, so that nobody sends, or has stored, what nobody will look at.
  virtual std::optional<HttpResponse> OnHeader(const HttpHeader& header,
                                               const std::string& peer) = 0;
  // A request is complete; OnHeader, if it was asked, had no answer.
  virtual void OnRequest(std::shared_ptr<HttpExchange> exchange) = 0;
};

class HttpSession : public Protocol {
 public:
  // `limits`, `counts` and `handler` must outlive it.
  HttpSession(const HttpLimits* limits, HttpCounts* counts, HttpHandler* handler);

  void OnStart(Connection* connection) override;
  void OnBytes(absl::Span<char> bytes) override;
  void OnEnd() override;
  void OnDeadline() override;
  void OnRoom() override;
  void OnDrain() override;
  void OnClosed(absl::string_view why) override;

  // The answer to the request under way, from HttpExchange.
  void OnAnswer(HttpResponse response, std::unique_ptr<Protocol> protocol);

 private:
  // Parses what there is, until a request is complete.
  void Advance();
  // False: nothing of it has come.
  bool BeginRequest();
  void OnHeader();
  void OnRequest();
  // Answers the request that is being parsed, and ends the connection.
  void Refuse(HttpResponse response);
  void Write(HttpResponse response);

  const HttpLimits* const limits_;
  HttpCounts* const counts_;
  HttpHandler* const handler_;
  Connection* connection_ = nullptr;
  std::string input_;
  // Of the request that is coming in.
  std::optional<RequestParser> parser_;
  // Of that, or else of the one before.
  bool header_seen_ = false;
  bool is_head_ = false;
  bool keep_alive_ = false;
  // A request waits for its answer.
  bool busy_ = false;
  bool draining_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_HTTP_SESSION_H_
