// The configuration of the facade.
#ifndef CARILLON_WSFACADE_OPTIONS_H_
#define CARILLON_WSFACADE_OPTIONS_H_

#include <string>
#include <vector>

#include "absl/time/time.h"
#include "carillon/client/connection.h"
#include "deploy/program/endpoint.h"
#include "deploy/program/logging.h"
#include "deploy/program/options.h"
#include "wsfacade/http/http_session.h"
#include "wsfacade/hub/hub.h"
#include "wsfacade/session/websocket_session.h"

namespace carillon::facade {

struct ServerOptions {
  program::Endpoint listen{"127.0.0.1", 8092};
  program::Endpoint metrics{"127.0.0.1", 9465};
  std::string tls_cert;
  std::string tls_key;
  bool plaintext = false;
  bool plaintext_behind_proxy = false;
  std::vector<std::string> allowed_origins;

  client::ConnectionOptions broker;

  // 0: one for each core.
  int io_threads = 0;
  // See FlushPacer.
  absl::Duration flush_window_max = absl::Milliseconds(2);
  int connections_max = 100'000;
  HttpLimits http{.body_bytes_max = 4 << 20};
  WebsocketLimits websocket;
  HubOptions hub;
  absl::Duration drain_timeout = absl::Seconds(10);

  program::LogOptions log;
};

// Declares all options; `target` gets the values.
void AddServerOptions(program::OptionSet* options, ServerOptions* target);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_OPTIONS_H_
