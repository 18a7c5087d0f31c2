// The broker's configuration.
#ifndef CARILLON_BROKER_CONFIG_H_
#define CARILLON_BROKER_CONFIG_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/time/time.h"
#include "broker/access/access_control.h"
#include "broker/delivery/dispatcher.h"
#include "broker/service/call_context.h"
#include "deploy/program/endpoint.h"
#include "deploy/program/logging.h"
#include "deploy/program/options.h"

namespace carillon::broker {

struct Config {
  program::Endpoint listen{"127.0.0.1", 8093};
  program::Endpoint metrics{"127.0.0.1", 9464};
  std::string data = "/var/lib/carillon";

  std::string tls_cert;
  std::string tls_key;
  std::string tls_client_ca;
  bool plaintext = false;

  uint64_t log_bytes_max = uint64_t{16} << 30;
  absl::Duration log_age_max = absl::Hours(24 * 7);

  size_t commit_queue_bytes_max = 64 << 20;
  int64_t request_bytes_max = 4 << 20;
  int calls_per_connection_max = 1000;
  // 0: one for every two cores.
  int grpc_threads = 0;
  int64_t memory_max = int64_t{1} << 30;
  absl::Duration drain_timeout = absl::Seconds(10);

  service::PublishLimits publish;
  delivery::DispatcherOptions delivery;
  access::AccessOptions access;
  program::LogOptions log;
};

// Declares all options with `config` as their targets, which hold the defaults.
void AddOptions(program::OptionSet* options, Config* config);

}  // namespace carillon::broker

#endif  // CARILLON_BROKER_CONFIG_H_
