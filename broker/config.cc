#include "broker/config.h"

#include "deploy/program/tls_files.h"

namespace carillon::broker {
namespace {

constexpr uint64_t kKiB = 1 << 10;
constexpr uint64_t kMiB = 1 << 20;
constexpr uint64_t kGiB = 1 << 30;

void AddNetworkOptions(program::OptionSet* options, Config* config) {
  options->Group("Network");
  options->AddEndpoint("listen", &config->listen, "address of the gRPC server; port 0 takes any");
  options->AddFile("tls-cert", &config->tls_cert, "certificate chain, PEM");
  options->AddFile("tls-key", &config->tls_key, "private key of the certificate, PEM");
  options->AddFile("tls-client-ca", &config->tls_client_ca,
                   "authorities of client certificates, PEM; if given, every client must present "
                   "one, and one whose common name is a user's authenticates that user");
  options->AddFlag("plaintext", &config->plaintext, "no TLS; on loopback only");
  options
      ->AddEndpoint("metrics", &config->metrics,
                    "address of the Prometheus page, /metrics; empty turns it off")
      .AllowEmpty();
  options->AddInt("grpc-threads", &config->grpc_threads,
                  "threads that read, answer and deliver; 0: one for every two cores", 0, 1024);

  options->Check({"tls-cert", "tls-key"}, [config] {
    if (config->tls_cert.empty() == config->tls_key.empty()) {
      return program::CheckKeyPair(config->tls_cert, config->tls_key);
    }
    return absl::InvalidArgumentError("--tls-cert and --tls-key go together: give both or neither");
  });
  options->Check({"tls-cert", "plaintext"}, [config] {
    if (config->tls_cert.empty() != config->plaintext) {
      return absl::InvalidArgumentError(
          "give --tls-cert and --tls-key or, for clients on this machine alone, --plaintext "
          "(but not both)");
    }
    return absl::OkStatus();
  });
  options->Check({"plaintext", "listen"}, [config] {
    if (!config->plaintext || config->listen.IsLoopback()) return absl::OkStatus();
    return absl::InvalidArgumentError("--plaintext is for loopback; to listen on " +
                                      config->listen.ToString() + " give --tls-cert and --tls-key");
  });
  options->Check({"tls-client-ca", "plaintext"}, [config] {
    if (config->tls_client_ca.empty() || !config->plaintext) return absl::OkStatus();
    return absl::InvalidArgumentError("--tls-client-ca needs TLS: give --tls-cert and --tls-key");
  });
  options->Check({"tls-client-ca"},
                 [config] { return program::CheckAuthorities(config->tls_client_ca); });
}

void AddLogStoreOptions(program::OptionSet* options, Config* config) {
  options->Group("Store");
  options->AddString("data", &config->data, "folder of the event log and the accounts");
  options->AddBytes("log-bytes-max", &config->log_bytes_max,
                    "events kept, in bytes; the oldest go first", kMiB, uint64_t{1} << 44);
  options->AddDuration("log-age-max", &config->log_age_max, "how long events are kept",
                       absl::Seconds(1));
}

void AddLimitOptions(program::OptionSet* options, Config* config) {
  options->Group("Limits for publishers");
  options->AddBytes("event-object-bytes-max", &config->publish.ingest.object_bytes_max,
                    "object and original of one event", kKiB, 64 * kMiB);
  options->AddBytes("request-bytes-max", &config->request_bytes_max,
                    "one gRPC request; clients count on the least", 2 * kMiB, 256 * kMiB);
  options->AddBytes("publish-stream-bytes-max", &config->publish.stream_bytes_max,
                    "batches of one publish stream that await their commit", 64 * kKiB, kGiB);
  options->AddInt(
      "publish-streams-max", &config->publish.streams_max,
      "publish streams at a time; the last quarter is for users who have less than that", 1,
      1'000'000);
  options->AddBytes("commit-queue-bytes-max", &config->commit_queue_bytes_max,
                    "events of all publishers that await their commit", kMiB, 4 * kGiB);
  options->Check({"request-bytes-max", "event-object-bytes-max"}, [config] {
    if (static_cast<uint64_t>(config->request_bytes_max) >
        config->publish.ingest.object_bytes_max + 8 * kKiB) {
      return absl::OkStatus();
    }
    return absl::InvalidArgumentError(
        "--request-bytes-max must exceed --event-object-bytes-max by more than 8KiB, so that an "
        "event fits in a request");
  });

  options->Group("Limits for subscribers");
  options->AddInt("streams-max", &config->delivery.streams_max,
                  "Subscribe and Watch streams at a time; the last quarter as above", 1, 1'000'000);
  options->AddInt("subscriptions-per-stream-max", &config->delivery.subscriptions_per_stream_max,
                  "subscriptions on one stream", 1, 100'000'000);
  options->AddBytes("filter-bytes-per-stream-max", &config->delivery.filter_bytes_per_stream_max,
                    "filters of one stream, as they are sent, and 128 bytes for each", 64 * kKiB,
                    4 * kGiB);
  options->AddBytes("filter-bytes-max", &config->delivery.filter_bytes_max,
                    "the same for all streams; in memory filters may take many times as much",
                    64 * kKiB, 16 * kGiB);
  options->AddBytes("outbox-bytes-max", &config->delivery.outbox_bytes_max,
                    "events that wait for one stream; one that falls further behind catches up "
                    "from the log",
                    64 * kKiB, 4 * kGiB);
  options->AddBytes(
      "outboxes-bytes-max", &config->delivery.outboxes_bytes_max,
      "events that wait for all streams; beyond it those that are behind get a little "
      "at a time",
      kMiB, 1024 * kGiB);
  options->AddDuration("stall-timeout", &config->delivery.stall_timeout,
                       "how long a stream with events waiting may take nothing before it is ended",
                       absl::Milliseconds(10), absl::Hours(24));
  options->AddBytes("dispatch-queue-bytes-max", &config->delivery.queue_bytes_max,
                    "committed events that wait to be matched; beyond it publishers wait", kMiB,
                    4 * kGiB);
  options->AddBytes("recent-bytes-max", &config->delivery.recent_bytes_max,
                    "newest events kept in memory for streams that have nearly caught up", kMiB,
                    4 * kGiB);
  options->AddDuration("progress-interval", &config->delivery.progress_interval,
                       "how often a stream without matches is told how far it has come",
                       absl::Milliseconds(10), absl::Hours(1));

  options->Group("Limits for all");
  options->AddInt("calls-per-connection-max", &config->calls_per_connection_max,
                  "calls at a time on one connection", 1, 1'000'000);
  options->AddBytes("grpc-memory-max", &config->memory_max,
                    "memory that gRPC may use for buffers of all connections", 64 * kMiB,
                    uint64_t{1} << 40);
  options->AddDuration("drain-timeout", &config->drain_timeout,
                       "how long calls may take to end at a shutdown", absl::ZeroDuration(),
                       absl::Minutes(10));
}

void AddAccessOptions(program::OptionSet* options, Config* config) {
  options->Group("Access");
  options->AddInt("password-checks-max", &config->access.password_checks_max,
                  "passwords hashed at a time (each takes a core for 0.4 s, and 128 MiB)", 1, 64);
  options->AddInt("password-checks-waiting-max", &config->access.password_checks_waiting_max,
                  "logins that wait for that; beyond it they are refused", 1, 100'000);
  options->AddDuration("password-memory", &config->access.password_memory,
                       "how long a verified password is remembered", absl::ZeroDuration(),
                       absl::Hours(24));
  options->AddDuration("token-ttl-max", &config->access.token_ttl_max, "longest life of a token",
                       absl::Seconds(1));
  options->AddInt("sessions-max", &config->access.sessions_max,
                  "sessions that facades hold; beyond it the one unused for longest ends", 1,
                  100'000'000);
}

}  // namespace

void AddOptions(program::OptionSet* options, Config* config) {
  AddNetworkOptions(options, config);
  AddLogStoreOptions(options, config);
  AddLimitOptions(options, config);
  AddAccessOptions(options, config);
  options->Group("Log output");
  program::AddLogOptions(options, &config->log);
}

}  // namespace carillon::broker
