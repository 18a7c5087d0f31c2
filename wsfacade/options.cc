#include "wsfacade/options.h"

#include <cstdint>

#include "absl/status/status.h"
#include "deploy/program/tls_files.h"

namespace carillon::facade {
namespace {

constexpr absl::Duration kShortest = absl::Milliseconds(10);
constexpr absl::Duration kLongest = absl::Hours(24);
constexpr uint64_t kGiB = uint64_t{1} << 30;

void AddNetworkOptions(program::OptionSet* options, ServerOptions* o) {
  options->Group("Network");
  options->AddEndpoint("listen", &o->listen, "address of the https and wss server").Required();
  options->AddEndpoint("metrics", &o->metrics, "address of the metrics; empty: none").AllowEmpty();
  options->AddFile("tls-cert", &o->tls_cert, "certificate chain of the server, PEM");
  options->AddFile("tls-key", &o->tls_key, "private key of the server, PEM");
  options->AddFlag("plaintext", &o->plaintext, "http and ws without TLS, on loopback");
  options->AddFlag("plaintext-behind-proxy", &o->plaintext_behind_proxy,
                   "http and ws without TLS on any address, for a proxy that does the TLS");
  options->AddList("allowed-origin", &o->allowed_origins,
                   "origin of web pages that may connect, such as https://example.org; none: all");
  options->Check({"tls-cert", "tls-key", "plaintext", "plaintext-behind-proxy"}, [o] {
    const bool plaintext = o->plaintext || o->plaintext_behind_proxy;
    if (o->tls_cert.empty() != o->tls_key.empty()) {
      return absl::InvalidArgumentError("--tls-cert and --tls-key belong together: give both");
    }
    if (plaintext && !o->tls_cert.empty()) {
      return absl::InvalidArgumentError("either --tls-cert and --tls-key or --plaintext, not both");
    }
    if (!plaintext && o->tls_cert.empty()) {
      return absl::InvalidArgumentError(
          "give --tls-cert and --tls-key, or --plaintext for a server on loopback");
    }
    return program::CheckKeyPair(o->tls_cert, o->tls_key);
  });
  options->Check({"plaintext", "listen"}, [o] {
    if (!o->plaintext || o->plaintext_behind_proxy || o->listen.IsLoopback()) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "--plaintext is for an address on loopback; passwords would be readable on the network "
        "(with a proxy that does the TLS: --plaintext-behind-proxy)");
  });
}

void AddBrokerOptions(program::OptionSet* options, ServerOptions* o) {
  options->Group("Broker");
  options->AddString("broker", &o->broker.broker, "HOST:PORT of the broker");
  options->AddFile("broker-ca", &o->broker.ca_file,
                   "authorities that may sign the broker's certificate, PEM; none: the system's");
  options->AddFlag("broker-plaintext", &o->broker.plaintext,
                   "no TLS to the broker, which is on this machine");
  options->AddFile("broker-token-file", &o->broker.token_file,
                   "file with the facade's own token, read again for each call");
  options->AddFile("broker-cert", &o->broker.cert_file, "the facade's own certificate, PEM");
  options->AddFile("broker-key", &o->broker.key_file, "private key of broker-cert, PEM");
  options->AddDuration("broker-wait", &o->hub.connect_wait,
                       "how long requests wait for a broker that cannot be reached", kShortest,
                       absl::Minutes(1));
  options->AddDuration("broker-timeout", &o->hub.call_timeout,
                       "how long the broker may take to answer a request", kShortest,
                       absl::Minutes(10));
  options->Check({"broker-token-file", "broker-cert", "broker-key"}, [o] {
    if (o->broker.cert_file.empty() != o->broker.key_file.empty()) {
      return absl::InvalidArgumentError(
          "--broker-cert and --broker-key belong together: give both");
    }
    if (o->broker.token_file.empty() && o->broker.cert_file.empty()) {
      return absl::InvalidArgumentError(
          "the facade needs credentials of its own: --broker-token-file, or --broker-cert and "
          "--broker-key");
    }
    return program::CheckKeyPair(o->broker.cert_file, o->broker.key_file);
  });
  options->Check({"broker-ca"}, [o] { return program::CheckAuthorities(o->broker.ca_file); });
}

void AddLimitOptions(program::OptionSet* options, ServerOptions* o) {
  WebsocketLimits& websocket = o->websocket;
  options->Group("Limits of a websocket");
  options->AddBytes("message-bytes-max", &websocket.message_bytes_max,
                    "largest message of a client", 128, 16 << 20);
  options->AddInt("registrations-max", &websocket.registrations_max, "registrations", 1, 1'000'000);
  options->AddBytes("registration-bytes-max", &websocket.registration_bytes_max,
                    "filters registered, all together", 64, kGiB);
  options->AddInt("commands-per-second", &websocket.commands.per_second, "commands a second", 1,
                  1'000'000);
  options->AddInt("commands-burst", &websocket.commands.burst, "commands at once", 1, 10'000'000);
  options->AddBytes("outbox-bytes-max", &websocket.outbox_bytes_max,
                    "what may wait for a client to read it; beyond, it is caught up from the "
                    "broker's log at its own pace",
                    4 << 10, kGiB);
  options->AddDuration("stall-timeout", &websocket.stall_timeout,
                       "how long a client of which more waits may read nothing; beyond, it is "
                       "closed",
                       kShortest, kLongest);
  options->AddDuration("ping-interval", &websocket.ping_interval,
                       "silence after which a client is asked whether it is still there", kShortest,
                       kLongest);
  options->AddDuration("pong-timeout", &websocket.pong_timeout,
                       "how long it may take to answer that", kShortest, kLongest);
  options->AddDuration("close-timeout", &websocket.close_timeout,
                       "how long a client may take to read its last messages", kShortest,
                       absl::Minutes(10));

  options->Group("Limits of the server");
  options->AddInt("connections-max", &o->connections_max, "open connections", 1, 10'000'000);
  options->AddDuration("handshake-timeout", &o->http.handshake_timeout,
                       "TLS handshake and header of a request", kShortest, absl::Minutes(10));
  options->AddDuration("http-idle-timeout", &o->http.idle_timeout,
                       "body of a request, and silence between two requests", kShortest, kLongest);
  options->AddBytes("header-bytes-max", &o->http.header_bytes_max, "header of a request", 1024,
                    1 << 20);
  options->AddBytes("body-bytes-max", &o->http.body_bytes_max, "body of a request", 1024, kGiB);
  options->AddBytes("fan-out-bytes-max", &o->hub.fan_out_bytes_max,
                    "events that may wait for one I/O thread; beyond, the broker is held back",
                    64 << 10, 16 * kGiB);
  options->AddInt("replays-max", &o->hub.replays_max,
                  "clients that are caught up from the broker's log at a time; the others wait", 1,
                  100'000);
  options->AddInt("io-threads", &o->io_threads, "I/O threads; 0: one for each core", 0,
                  UpstreamTable::kThreadsMax);
  options->AddDuration("flush-window-max", &o->flush_window_max,
                       "how long frames may wait for more to be written with them; only on a busy "
                       "core, and 0: never",
                       absl::ZeroDuration(), absl::Milliseconds(100));
  options->AddDuration("drain-timeout", &o->drain_timeout,
                       "how long open connections may take to end at shutdown",
                       absl::ZeroDuration(), absl::Hours(1));
}

}  // namespace

void AddServerOptions(program::OptionSet* options, ServerOptions* target) {
  AddNetworkOptions(options, target);
  AddBrokerOptions(options, target);
  AddLimitOptions(options, target);
  options->Group("Logging");
  program::AddLogOptions(options, &target->log);
}

}  // namespace carillon::facade
