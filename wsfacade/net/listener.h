// Accepts connections and spreads them over threads.
#ifndef CARILLON_WSFACADE_NET_LISTENER_H_
#define CARILLON_WSFACADE_NET_LISTENER_H_

#include <openssl/ssl.h>

#include <atomic>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <functional>
#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "deploy/program/endpoint.h"
#include "deploy/program/logging.h"
#include "wsfacade/net/connection.h"
#include "wsfacade/net/io_thread.h"
#include "wsfacade/net/opening.h"

namespace carillon::facade {

struct ListenerOptions {
  program::Endpoint listen;
  // More are closed as soon as they are accepted.
  int connections_max = 0;
};

class Listener {
 public:
  // Makes the protocol a connection begins with; called on the connection's thread.
  using ProtocolFactory = std::function<std::unique_ptr<Protocol>()>;

  // Listens; accepts from Start on. `tls` may be null: no TLS. UNAVAILABLE: the address cannot be
  // listened on; the message says which and why. `tls` and `threads` must outlive it.
  static absl::StatusOr<std::unique_ptr<Listener>> Open(const ListenerOptions& options,
                                                        SSL_CTX* tls,
                                                        std::vector<IoThread*> threads,
                                                        ProtocolFactory factory);

  void Start();
  // Accepts no more. Returns when that is so; not from an I/O thread, which must still run.
  void Stop();

  // With the port that was taken.
  const program::Endpoint& endpoint() const { return endpoint_; }
  int64_t accepted() const { return accepted_.load(std::memory_order_relaxed); }
  int64_t refused() const { return refused_.load(std::memory_order_relaxed); }

 private:
  Listener(const ListenerOptions& options, SSL_CTX* tls, std::vector<IoThread*> threads,
           ProtocolFactory factory);
  absl::Status Bind();
  void Wait();
  void AcceptAll();
  // Accepts no more until fewer connections are opening, or a moment has passed.
  void Pause();
  void Resume();
  // Hands the connection to the thread with the fewest.
  void Place(int socket, const boost::asio::ip::tcp::endpoint& peer);

  const ListenerOptions options_;
  SSL_CTX* const tls_;
  const std::vector<IoThread*> threads_;
  const ProtocolFactory factory_;
  program::Endpoint endpoint_;
  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer retry_timer_;
  // Connections that have not brought their first request yet.
  OpeningCount opening_;
  // The rest is the acceptor's thread's.
  bool paused_ = false;
  // May be accepted although too many are opening.
  int allowance_ = 0;
  program::LimitedLog refused_log_{1};
  std::atomic<int64_t> accepted_{0};
  std::atomic<int64_t> refused_{0};
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_LISTENER_H_
