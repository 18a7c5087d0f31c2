// The facade, put together.
#ifndef CARILLON_WSFACADE_SERVER_H_
#define CARILLON_WSFACADE_SERVER_H_

#include <memory>
#include <vector>

#include "absl/status/statusor.h"
#include "deploy/program/metrics.h"
#include "wsfacade/api/api.h"
#include "wsfacade/hub/hub.h"
#include "wsfacade/net/listener.h"
#include "wsfacade/net/tls_context.h"
#include "wsfacade/options.h"

namespace carillon::facade {

class Server {
 public:
  // Listens, and connects to the broker, for which it does not wait. The message of an error says
  // which option or file is unusable. `metrics` must outlive it.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const ServerOptions& options,
                                                       program::Metrics* metrics);
  // Drains if that has not been done.
  ~Server();

  // With the port that was taken.
  const program::Endpoint& endpoint() const { return listener_->endpoint(); }

  // Accepts no more, closes all connections in good order (websockets with 1001) as far as
  // drain_timeout allows, and ends. Idempotent.
  void Drain();

 private:
  explicit Server(const ServerOptions& options);
  absl::Status Init(program::Metrics* metrics);
  std::vector<IoThread*> threads() const;

  const ServerOptions options_;
  CloseCounts closes_;
  HttpCounts http_counts_;
  program::SslContextPtr tls_;
  std::vector<std::unique_ptr<IoThread>> threads_;
  std::unique_ptr<Hub> hub_;
  ApiContext api_context_{};
  std::unique_ptr<Api> api_;
  std::unique_ptr<Listener> listener_;
  std::unique_ptr<program::Metrics::Registration> metrics_registration_;
  bool drained_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SERVER_H_
