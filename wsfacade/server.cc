#include "wsfacade/server.h"

#include <algorithm>
#include <thread>
#include <utility>

#include "absl/time/clock.h"
#include "deploy/program/logging.h"
#include "wsfacade/metrics.h"

namespace carillon::facade {
namespace {

// For the broker to hear which sessions have ended.
constexpr absl::Duration kFarewell = absl::Seconds(1);

int ThreadCountOf(const ServerOptions& options) {
  if (options.io_threads > 0) return options.io_threads;
  const int cores = static_cast<int>(std::thread::hardware_concurrency());
  return std::clamp(cores, 1, UpstreamTable::kThreadsMax);
}

}  // namespace

Server::Server(const ServerOptions& options) : options_(options) {}

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const ServerOptions& options,
                                                      program::Metrics* metrics) {
  std::unique_ptr<Server> server(new Server(options));
  if (absl::Status status = server->Init(metrics); !status.ok()) return status;
  return server;
}

absl::Status Server::Init(program::Metrics* metrics) {
  if (!options_.tls_cert.empty()) {
    absl::StatusOr<program::SslContextPtr> tls =
        MakeTlsContext(options_.tls_cert, options_.tls_key);
    if (!tls.ok()) return tls.status();
    tls_ = *std::move(tls);
  }
  absl::StatusOr<std::shared_ptr<client::Connection>> connection =
      client::Connection::Open(options_.broker);
  if (!connection.ok()) return connection.status();
  for (int i = 0; i < ThreadCountOf(options_); ++i) {
    threads_.push_back(std::make_unique<IoThread>(i, options_.flush_window_max));
  }
  hub_ = std::make_unique<Hub>(*connection, options_.hub, threads());
  api_context_ = {.hub = hub_.get(), .websocket_limits = &options_.websocket, .closes = &closes_};
  api_ = std::make_unique<Api>(&api_context_, options_.allowed_origins);
  absl::StatusOr<std::unique_ptr<Listener>> listener = Listener::Open(
      {.listen = options_.listen, .connections_max = options_.connections_max}, tls_.get(),
      threads(),
      [this] { return std::make_unique<HttpSession>(&options_.http, &http_counts_, api_.get()); });
  if (!listener.ok()) return listener.status();
  listener_ = *std::move(listener);
  api_context_.port = listener_->endpoint().port;
  metrics_registration_ =
      RegisterMetrics(metrics, {threads(), listener_.get(), hub_.get(), &http_counts_, &closes_});
  for (const auto& thread : threads_) thread->Start();
  hub_->Start();
  listener_->Start();
  program::Log(program::Level::kInfo,
               absl::StrCat("listening on ", listener_->endpoint().ToString()),
               {{"service", tls_ == nullptr ? "ws" : "wss"},
                {"io_threads", threads_.size()},
                {"broker", options_.broker.broker}});
  return absl::OkStatus();
}

Server::~Server() { Drain(); }

std::vector<IoThread*> Server::threads() const {
  std::vector<IoThread*> threads;
  for (const auto& thread : threads_) threads.push_back(thread.get());
  return threads;
}

void Server::Drain() {
  if (listener_ == nullptr || std::exchange(drained_, true)) return;
  const absl::Time deadline = absl::Now() + options_.drain_timeout;
  metrics_registration_.reset();
  listener_->Stop();
  for (const auto& thread : threads_) {
    thread->Post([io = thread.get()] {
      for (const auto& connection : io->connections()) connection->Drain();
    });
  }
  bool clean = true;
  for (const auto& thread : threads_) clean = thread->WaitUntilEmpty(deadline) && clean;
  if (!clean) {
    program::Log(program::Level::kWarn, "connections were cut",
                 {{"reason", "they did not end within drain-timeout"}});
  }
  hub_->StopStream();
  for (const auto& thread : threads_) thread->Stop();
  hub_->Finish(kFarewell);
}

}  // namespace carillon::facade
