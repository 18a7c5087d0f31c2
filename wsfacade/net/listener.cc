#include "wsfacade/net/listener.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <string>
#include <system_error>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"

namespace carillon::facade {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;

constexpr int kBacklog = 4096;
// Accepted in one go before the thread turns to its connections.
constexpr int kAcceptsPerPass = 64;
// For each thread. A storm of clients stays in the backlog, where it costs nothing, instead of in
// handshakes whose time runs out before their turn comes.
constexpr int kOpeningPerThread = 512;
// But clients that open a connection and then say nothing cannot keep others out: so many are let
// in nonetheless each time this has passed.
constexpr std::chrono::milliseconds kPauseMax(250);
constexpr int kAllowance = 128;
// Waited when the process is out of descriptors.
constexpr std::chrono::milliseconds kRetryDelay(200);

std::string FormatPeer(const tcp::endpoint& peer) {
  return program::Endpoint{peer.address().to_string(), peer.port()}.ToString();
}

}  // namespace

Listener::Listener(const ListenerOptions& options, SSL_CTX* tls, std::vector<IoThread*> threads,
                   ProtocolFactory factory)
    : options_(options),
      tls_(tls),
      threads_(std::move(threads)),
      factory_(std::move(factory)),
      acceptor_(threads_.front()->context()),
      retry_timer_(threads_.front()->context()),
      opening_(kOpeningPerThread * static_cast<int>(threads_.size()),
               [this] { asio::post(acceptor_.get_executor(), [this] { Resume(); }); }) {}

absl::StatusOr<std::unique_ptr<Listener>> Listener::Open(const ListenerOptions& options,
                                                         SSL_CTX* tls,
                                                         std::vector<IoThread*> threads,
                                                         ProtocolFactory factory) {
  std::unique_ptr<Listener> listener(
      new Listener(options, tls, std::move(threads), std::move(factory)));
  if (absl::Status status = listener->Bind(); !status.ok()) return status;
  return listener;
}

absl::Status Listener::Bind() {
  const auto failure = [this](const boost::system::error_code& error) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", options_.listen.ToString(), ": ", error.message()));
  };
  boost::system::error_code error;
  tcp::resolver resolver(acceptor_.get_executor());
  const auto found = resolver.resolve(options_.listen.host, absl::StrCat(options_.listen.port),
                                      tcp::resolver::passive, error);
  if (error) return failure(error);
  const tcp::endpoint address = found.begin()->endpoint();
  acceptor_.open(address.protocol(), error);
  if (!error) acceptor_.set_option(tcp::acceptor::reuse_address(true), error);
  if (!error) acceptor_.bind(address, error);
  if (!error) acceptor_.listen(kBacklog, error);
  if (!error) acceptor_.non_blocking(true, error);
  if (error) return failure(error);
  endpoint_ = {options_.listen.host, acceptor_.local_endpoint().port()};
  return absl::OkStatus();
}

void Listener::Start() {
  asio::post(acceptor_.get_executor(), [this] { Wait(); });
}

void Listener::Stop() {
  absl::Notification stopped;
  asio::post(acceptor_.get_executor(), [this, &stopped] {
    boost::system::error_code ignored;
    acceptor_.close(ignored);
    retry_timer_.cancel();
    stopped.Notify();
  });
  stopped.WaitForNotification();
}

void Listener::Wait() {
  acceptor_.async_wait(tcp::acceptor::wait_read, [this](const boost::system::error_code& error) {
    if (!error) AcceptAll();
  });
}

void Listener::AcceptAll() {
  for (int i = 0; i < kAcceptsPerPass; ++i) {
    if (opening_.is_full() && --allowance_ < 0) return Pause();
    tcp::endpoint peer;
    socklen_t size = static_cast<socklen_t>(peer.capacity());
    const int socket =
        accept4(acceptor_.native_handle(), peer.data(), &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (socket >= 0) {
      peer.resize(size);
      Place(socket, peer);
      continue;
    }
    if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM) {
      refused_log_.Log(program::Level::kError, "cannot accept connections",
                       {{"reason", std::system_category().message(errno)}});
      retry_timer_.expires_after(kRetryDelay);
      retry_timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) Wait();
      });
      return;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) break;
  }
  Wait();
}

void Listener::Pause() {
  paused_ = true;
  retry_timer_.expires_after(kPauseMax);
  retry_timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    allowance_ = kAllowance;
    Resume();
  });
}

void Listener::Resume() {
  if (!std::exchange(paused_, false)) return;
  retry_timer_.cancel();
  Wait();
}

void Listener::Place(int socket, const tcp::endpoint& peer) {
  int open = 0;
  for (const IoThread* thread : threads_) open += thread->connection_count();
  if (open >= options_.connections_max) {
    ::close(socket);
    refused_.fetch_add(1, std::memory_order_relaxed);
    refused_log_.Log(program::Level::kWarn, "connection refused",
                     {{"peer", FormatPeer(peer)},
                      {"reason", "connections-max"},
                      {"connections_max", options_.connections_max}});
    return;
  }
  accepted_.fetch_add(1, std::memory_order_relaxed);
  const int on = 1;
  setsockopt(socket, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
  IoThread* thread =
      *std::min_element(threads_.begin(), threads_.end(), [](const IoThread* a, const IoThread* b) {
        return a->connection_count() < b->connection_count();
      });
  thread->ExpectConnection();
  thread->Post([this, thread, socket, peer, opening = Opening(&opening_)]() mutable {
    auto connection =
        std::make_shared<Connection>(thread, Socket(thread->context(), peer.protocol(), socket),
                                     FormatPeer(peer), tls_, factory_(), std::move(opening));
    thread->Add(connection);
    connection->Start();
  });
}

}  // namespace carillon::facade
