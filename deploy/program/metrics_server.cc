#include <CivetServer.h>
#include <netdb.h>
#include <prometheus/exposer.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <thread>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "deploy/program/logging.h"
#include "deploy/program/metrics.h"
#include "deploy/program/metrics_state.h"

namespace carillon::program {
namespace {

// Limits of the HTTP server: it serves one or two scrapers and nobody else.
constexpr char kThreads[] = "2";
constexpr char kRequestTimeoutMs[] = "10000";

int AnswerHealth(mg_connection* connection) {
  const mg_request_info* const request = mg_get_request_info(connection);
  if (request->local_uri == nullptr || std::strcmp(request->local_uri, "/healthz") != 0) return 0;
  mg_printf(connection,
            "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
            "Connection: close\r\n\r\nok\n");
  return 200;
}

int ForwardLog(const mg_connection*, const char* message) {
  Log(Level::kDebug, "metrics server", {{"message_of_civetweb", message}});
  return 1;
}

CivetCallbacks Callbacks() {
  CivetCallbacks callbacks;
  callbacks.begin_request = &AnswerHealth;
  callbacks.log_message = &ForwardLog;
  return callbacks;
}

// The first address of the host, as a number. civetweb takes no names.
absl::StatusOr<Endpoint> Resolve(const Endpoint& listen) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* found = nullptr;
  if (const int error = getaddrinfo(listen.host.c_str(), nullptr, &hints, &found); error != 0) {
    return absl::UnavailableError(
        absl::StrCat("cannot find the host ", listen.host, ": ", gai_strerror(error)));
  }
  absl::Cleanup freer = [found] { freeaddrinfo(found); };
  char host[NI_MAXHOST];
  getnameinfo(found->ai_addr, found->ai_addrlen, host, sizeof host, nullptr, 0, NI_NUMERICHOST);
  return Endpoint{host, listen.port};
}

// What `use` does with a new socket and the address: 0, or the errno.
int WithSocket(const Endpoint& numeric, int (*use)(int, const sockaddr*, socklen_t)) {
  addrinfo hints = {};
  hints.ai_socktype = SOCK_STREAM;
  hints.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
  addrinfo* found = nullptr;
  const std::string port = absl::StrCat(numeric.port);
  if (getaddrinfo(numeric.host.c_str(), port.c_str(), &hints, &found) != 0) return EINVAL;
  absl::Cleanup freer = [found] { freeaddrinfo(found); };
  const int fd = socket(found->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
  if (fd < 0) return errno;
  absl::Cleanup closer = [fd] { close(fd); };
  const int reuse = 1;
  setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
  return use(fd, found->ai_addr, found->ai_addrlen) == 0 ? 0 : errno;
}

// civetweb does not say why it cannot listen; the kernel says it again.
std::string WhyNot(const Endpoint& numeric) {
  const int error = WithSocket(numeric, [](int fd, const sockaddr* address, socklen_t bytes) {
    return bind(fd, address, bytes) == 0 ? ::listen(fd, 1) : -1;
  });
  return error == 0 ? "the HTTP server did not start" : std::strerror(error);
}

}  // namespace

class MetricsServer::Impl {
 public:
  // Throws CivetException.
  Impl(const Endpoint& listen, const Endpoint& numeric, std::shared_ptr<Metrics::State> state)
      : callbacks_(Callbacks()),
        state_(std::move(state)),
        exposer_(std::in_place,
                 std::vector<std::string>{"listening_ports", numeric.ToString(), "num_threads",
                                          kThreads, "request_timeout_ms", kRequestTimeoutMs},
                 &callbacks_),
        port_(static_cast<uint16_t>(exposer_->GetListeningPorts().front())),
        numeric_{numeric.host, port_},
        endpoint_{listen.host, port_} {
    exposer_->RegisterCollectable(state_);
  }

  // civetweb notices that it is to stop once its wait for connections ends, which takes up to two
  // seconds; connections end it at once.
  ~Impl() {
    absl::Notification stopped;
    std::thread waker([this, &stopped] {
      do {
        WithSocket(numeric_, &connect);
      } while (!stopped.WaitForNotificationWithTimeout(absl::Milliseconds(5)));
    });
    exposer_.reset();
    stopped.Notify();
    waker.join();
  }

  const Endpoint& endpoint() const { return endpoint_; }

 private:
  CivetCallbacks callbacks_;
  std::shared_ptr<Metrics::State> state_;
  std::optional<prometheus::Exposer> exposer_;
  const uint16_t port_;
  const Endpoint numeric_;
  const Endpoint endpoint_;
};

absl::StatusOr<std::unique_ptr<MetricsServer>> MetricsServer::Start(const Endpoint& listen,
                                                                    const Metrics& metrics) {
  const absl::StatusOr<Endpoint> numeric = Resolve(listen);
  if (!numeric.ok()) return numeric.status();
  std::unique_ptr<Impl> impl;
  try {
    impl = std::make_unique<Impl>(listen, *numeric, metrics.state_);
  } catch (const CivetException&) {
    return absl::UnavailableError(
        absl::StrCat("cannot listen on ", listen.ToString(), " for metrics: ", WhyNot(*numeric)));
  }
  Log(Level::kInfo, absl::StrCat("listening on ", impl->endpoint().ToString()),
      {{"service", "metrics"}});
  return std::unique_ptr<MetricsServer>(new MetricsServer(std::move(impl)));
}

MetricsServer::MetricsServer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
MetricsServer::~MetricsServer() = default;
const Endpoint& MetricsServer::endpoint() const { return impl_->endpoint(); }

}  // namespace carillon::program
