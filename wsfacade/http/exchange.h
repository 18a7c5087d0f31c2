// One request and the one answer it gets.
#ifndef CARILLON_WSFACADE_HTTP_EXCHANGE_H_
#define CARILLON_WSFACADE_HTTP_EXCHANGE_H_

#include <memory>
#include <string>

#include "wsfacade/http/message.h"
#include "wsfacade/net/connection.h"

namespace carillon::facade {

class HttpSession;

// Made by HttpSession for each request; to be answered once, from any thread. Dropped without an
// answer, it answers 500 itself. If the connection has gone, answers go nowhere.
class HttpExchange {
 public:
  HttpExchange(Connection* connection, HttpSession* session, HttpRequest message);
  ~HttpExchange();
  HttpExchange(const HttpExchange&) = delete;
  HttpExchange& operator=(const HttpExchange&) = delete;

  const HttpRequest& request() const { return request_; }
  const std::string& peer() const { return peer_; }
  // The connection's.
  IoThread& thread() const { return *thread_; }

  void Respond(HttpResponse response);
  // Answers, then hands the connection to another protocol, with the bytes behind the request.
  void Switch(HttpResponse response, std::unique_ptr<Protocol> protocol);

 private:
  void Answer(HttpResponse response, std::unique_ptr<Protocol> protocol);

  IoThread* const thread_;
  const std::weak_ptr<Connection> connection_;
  HttpSession* const session_;
  const std::string peer_;
  const HttpRequest request_;
  bool answered_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_EXCHANGE_H_
