#include "broker/server.h"

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <grpcpp/grpcpp.h>
#include <grpcpp/health_check_service_interface.h>
#include <grpcpp/resource_quota.h>
#include <openssl/rand.h>

#include <algorithm>
#include <chrono>
#include <functional>
#include <string>
#include <thread>
#include <utility>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "broker/access/access_control.h"
#include "broker/can_listen.h"
#include "broker/delivery/dispatcher.h"
#include "broker/log/committer.h"
#include "broker/server_metrics.h"
#include "broker/service/account_service.h"
#include "broker/service/call_auth.h"
#include "broker/service/call_context.h"
#include "broker/service/event_service.h"
#include "broker/service/session_service.h"
#include "broker/service/unary_calls.h"
#include "broker/store/lmdb_store.h"
#include "carillon/wire/error.h"
#include "deploy/program/files.h"
#include "deploy/program/grpc_threads.h"
#include "deploy/program/logging.h"
#include "deploy/program/metrics.h"
#include "deploy/program/worker_pool.h"

namespace carillon::broker {
namespace {

using program::Level;
using program::Log;

constexpr int kAccountWorkers = 2;
constexpr size_t kAccountCallsWaitingMax = 1'000;
constexpr char kFirstUser[] = "rocketskates";
constexpr char kFirstPasswordOnLoopback[] = "r0cketsk8ts";

absl::Status ShuttingDown() {
  return wire::WithRetry(wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                                     "the broker is shutting down; try again"),
                         absl::Seconds(1));
}

std::string RandomPassword() {
  unsigned char bytes[18];
  ABSL_RAW_CHECK(RAND_bytes(bytes, sizeof(bytes)) == 1, "no randomness");
  return absl::WebSafeBase64Escape(
      absl::string_view(reinterpret_cast<const char*>(bytes), sizeof(bytes)));
}

// A store that was first used on loopback may still hold the well-known password.
absl::Status RefuseWellKnownPassword(const Config& config, access::AccessControl* access) {
  absl::Status verdict;
  absl::Notification checked;
  access->Authenticate(absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(
                                                  kFirstUser, ":", kFirstPasswordOnLoopback))),
                       [&](const absl::StatusOr<access::Identity>& identity) {
                         if (identity.ok()) {
                           verdict = absl::FailedPreconditionError(absl::StrCat(
                               "the user ", kFirstUser,
                               " still has the well-known password, with which nobody may "
                               "listen on ",
                               config.listen.ToString(),
                               ": start on loopback and change it with "
                               "'carillon users password ",
                               kFirstUser, "', or delete the user"));
                         }
                         checked.Notify();
                       });
  checked.WaitForNotification();
  return verdict;
}

// Whoever can reach a well-known password owns the broker: off loopback it is a random one.
absl::Status MakeFirstUser(const Config& config, access::AccessControl* access) {
  const bool loopback = config.listen.IsLoopback();
  if (!loopback && access->HasUsers()) return RefuseWellKnownPassword(config, access);
  const std::string path = absl::StrCat(config.data, "/first-password");
  const std::string password = loopback ? kFirstPasswordOnLoopback : RandomPassword();
  if (!loopback) {
    const absl::Status written = program::WriteFileAtomically(path, password + "\n", 0600);
    if (!written.ok()) return written;
  }
  const absl::StatusOr<bool> made = access->CreateFirstUser(kFirstUser, password);
  if (!made.ok()) return made.status();
  if (!*made) return absl::OkStatus();
  if (loopback) {
    Log(Level::kInfo, "made the default account", {{"user", kFirstUser}});
  } else {
    Log(Level::kInfo, "made the first account; its password is in a file",
        {{"user", kFirstUser}, {"file", path}});
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> MakeCredentials(const Config& config) {
  if (config.plaintext) return grpc::InsecureServerCredentials();
  const absl::StatusOr<std::string> cert = program::ReadFile(config.tls_cert);
  if (!cert.ok()) return cert.status();
  const absl::StatusOr<std::string> key = program::ReadFile(config.tls_key);
  if (!key.ok()) return key.status();
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back({*key, *cert});
  if (!config.tls_client_ca.empty()) {
    const absl::StatusOr<std::string> authorities = program::ReadFile(config.tls_client_ca);
    if (!authorities.ok()) return authorities.status();
    options.pem_root_certs = *authorities;
    options.client_certificate_request = GRPC_SSL_REQUEST_AND_REQUIRE_CLIENT_CERTIFICATE_AND_VERIFY;
  }
  return grpc::SslServerCredentials(options);
}

// More of them wake each other for what one could do: a lone event costs the broker a quarter more
// with two on two cores.
int GrpcThreadsOf(const Config& config) {
  if (config.grpc_threads > 0) return config.grpc_threads;
  return std::max(1, static_cast<int>(std::thread::hardware_concurrency()) / 2);
}

void SetLimits(const Config& config, grpc::ServerBuilder* builder) {
  constexpr int kMetadataBytesMax = 16 << 10;
  constexpr int kHandshakeTimeoutMs = 5'000;
  // Both ends ping idle connections; the default of one ping in five minutes would cut clients that
  // look more often.
  constexpr int kKeepaliveMs = 30'000;
  constexpr int kKeepaliveTimeoutMs = 10'000;
  constexpr int kClientPingIntervalMinMs = 10'000;
  builder->SetMaxReceiveMessageSize(static_cast<int>(config.request_bytes_max));
  builder->AddChannelArgument(GRPC_ARG_MAX_CONCURRENT_STREAMS, config.calls_per_connection_max);
  builder->AddChannelArgument(GRPC_ARG_MAX_METADATA_SIZE, kMetadataBytesMax);
  builder->AddChannelArgument(GRPC_ARG_SERVER_HANDSHAKE_TIMEOUT_MS, kHandshakeTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  builder->AddChannelArgument(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  builder->AddChannelArgument(GRPC_ARG_HTTP2_MIN_RECV_PING_INTERVAL_WITHOUT_DATA_MS,
                              kClientPingIntervalMinMs);
  // A second broker on the same port is an error, not a sharer of its connections.
  builder->AddChannelArgument(GRPC_ARG_ALLOW_REUSEPORT, 0);
  grpc::ResourceQuota quota("carillon-broker");
  quota.Resize(static_cast<size_t>(config.memory_max));
  builder->SetResourceQuota(quota);
}

}  // namespace

// The order of the members is the order in which they are made, and the reverse of the order in
// which they go.
class Server::Impl : private access::SessionListener {
 public:
  explicit Impl(const Config& config)
      : config_(config),
        metrics_("carillon-broker"),
        commit_reporter_(&metrics_),
        refusals_(&metrics_),
        publish_places_(config.publish.streams_max),
        account_workers_("accounts", kAccountWorkers, kAccountCallsWaitingMax) {}
  ~Impl() override { Drain(); }

  absl::Status Start() {
    absl::Status status = OpenStore();
    if (status.ok()) status = OpenAccess();
    if (!status.ok()) return status;
    StartDelivery();
    status = StartMetrics();
    if (status.ok()) status = Listen();
    return status;
  }

  void Drain() {
    if (server_ != nullptr) {
      server_->GetHealthCheckService()->SetServingStatus(false);
      access_->StopPasswordChecks();
      dispatcher_->Stop(ShuttingDown());
      calls_.EndAll(ShuttingDown());
      server_->Shutdown(std::chrono::system_clock::now() +
                        absl::ToChronoMilliseconds(config_.drain_timeout));
      calls_.AwaitNone();
      // Joins gRPC's threads, and with them whatever they were to do when idle.
      server_.reset();
    }
    if (committer_ != nullptr && !std::exchange(flushed_, true)) {
      committer_->Shutdown();
      if (absl::Status status = store_->Flush(); !status.ok()) {
        Log(Level::kWarn, "the journal could not be emptied, and is needed at the next start",
            {{"reason", status.message()}});
      }
    }
    if (access_ != nullptr) access_->SetListener(nullptr);
  }

 private:
  void OnSessionsChanged(const std::vector<access::SessionPtr>& sessions) override {
    dispatcher_->OnSessionsChanged(sessions);
    calls_.OnSessionsChanged(sessions);
  }

  absl::Status OpenStore() {
    absl::StatusOr<std::unique_ptr<store::LmdbStore>> opened = store::LmdbStore::Open(
        {.directory = config_.data, .map_bytes = store::MapBytesFor(config_.log_bytes_max)});
    if (!opened.ok()) return opened.status();
    store_ = *std::move(opened);
    const log::LogBounds bounds = store_->event_log()->bounds();
    Log(Level::kInfo, "opened the log",
        {{"data", config_.data},
         {"first_sequence", bounds.first_sequence},
         {"last_sequence", bounds.last_sequence},
         {"bytes", bounds.record_bytes}});
    return absl::OkStatus();
  }

  absl::Status OpenAccess() {
    auto access = access::AccessControl::Create(store_->account_store(), config_.access);
    if (!access.ok()) return access.status();
    access_ = *std::move(access);
    return MakeFirstUser(config_, access_.get());
  }

  void StartDelivery() {
    dispatcher_ = std::make_unique<delivery::Dispatcher>(store_->event_log(), config_.delivery);
    access_->SetListener(this);
    dispatcher_->Start();
    log::CommitterOptions options;
    options.queue_bytes_max = config_.commit_queue_bytes_max;
    // So a lone request wakes nobody, and those that come together find each other first.
    options.when_idle = [this](std::function<void()> commit) {
      if (dispatcher_->IsBehind()) return false;
      return program::WhenGrpcIsIdle([this, commit = std::move(commit)] {
        commit();
        dispatcher_->DispatchNow();
      });
    };
    options.retention = {config_.log_age_max, config_.log_bytes_max};
    committer_ = std::make_unique<log::Committer>(
        store_->event_log(), options,
        [this](std::vector<log::EventBlockPtr> blocks, log::CommitOn thread) {
          dispatcher_->OnCommitted(std::move(blocks), thread);
        },
        &commit_reporter_);
    delivery_metrics_.observe_latency = [&histogram = DeliveryLatency(&metrics_)](double seconds) {
      histogram.Observe(seconds);
    };
    auth_ = std::make_unique<service::CallAuth>(access_.get(), &refusals_,
                                                !config_.tls_client_ca.empty());
    unary_calls_ = std::make_unique<service::UnaryCalls>(auth_.get(), &account_workers_);
    call_context_ = {.access = access_.get(),
                     .auth = auth_.get(),
                     .log = store_->event_log(),
                     .committer = committer_.get(),
                     .dispatcher = dispatcher_.get(),
                     .active_calls = &calls_,
                     .publish_limits = config_.publish,
                     .publish_metrics = &publish_metrics_,
                     .publish_places = &publish_places_,
                     .delivery_metrics = &delivery_metrics_,
                     .start_time = absl::Now()};
  }

  absl::Status StartMetrics() {
    registration_ = AddBrokerMetrics({store_->event_log(), committer_.get(), dispatcher_.get(),
                                      access_.get(), &publish_metrics_, &delivery_metrics_},
                                     &metrics_);
    if (config_.metrics.empty()) return absl::OkStatus();
    auto server = program::MetricsServer::Start(config_.metrics, metrics_);
    if (!server.ok()) return server.status();
    metrics_server_ = *std::move(server);
    return absl::OkStatus();
  }

  absl::Status Listen() {
    absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> credentials = MakeCredentials(config_);
    if (!credentials.ok()) return credentials.status();
    if (absl::Status can = CheckCanListen(config_.listen); !can.ok()) return can;
    event_service_ = std::make_unique<service::EventService>(&call_context_);
    session_service_ = std::make_unique<service::SessionService>(access_.get(), unary_calls_.get());
    account_service_ =
        std::make_unique<service::AccountService>(&access_->admin(), unary_calls_.get());

    program::SetGrpcThreads(GrpcThreadsOf(config_));
    grpc::EnableDefaultHealthCheckService(true);
    grpc::reflection::InitProtoReflectionServerBuilderPlugin();
    grpc::ServerBuilder builder;
    SetLimits(config_, &builder);
    int port = 0;
    builder.AddListeningPort(config_.listen.ToString(), *credentials, &port);
    builder.RegisterService(event_service_.get());
    builder.RegisterService(session_service_.get());
    builder.RegisterService(account_service_.get());
    server_ = builder.BuildAndStart();
    if (server_ == nullptr || port == 0) {
      return absl::UnavailableError(absl::StrCat(
          "cannot listen on ", config_.listen.ToString(),
          ": gRPC refuses the certificate and key, or the address; see the lines above"));
    }
    for (const char* name :
         {v1::EventService::service_full_name(), v1::SessionService::service_full_name(),
          v1::AccountService::service_full_name()}) {
      server_->GetHealthCheckService()->SetServingStatus(name, true);
    }
    program::Endpoint taken = config_.listen;
    taken.port = static_cast<uint16_t>(port);
    Log(Level::kInfo, absl::StrCat("listening on ", taken.ToString()),
        {{"service", "grpc"}, {"tls", !config_.plaintext}});
    return absl::OkStatus();
  }

  const Config config_;
  program::Metrics metrics_;
  CommitReporter commit_reporter_;
  RefusalLog refusals_;
  service::PublishMetrics publish_metrics_;
  access::StreamPlaces publish_places_;
  service::DeliveryMetrics delivery_metrics_;
  std::unique_ptr<store::LmdbStore> store_;
  std::unique_ptr<access::AccessControl> access_;
  std::unique_ptr<delivery::Dispatcher> dispatcher_;
  std::unique_ptr<log::Committer> committer_;
  bool flushed_ = false;
  std::unique_ptr<program::Metrics::Registration> registration_;
  std::unique_ptr<program::MetricsServer> metrics_server_;
  program::WorkerPool account_workers_;
  std::unique_ptr<service::CallAuth> auth_;
  std::unique_ptr<service::UnaryCalls> unary_calls_;
  service::ActiveCalls calls_;
  service::CallContext call_context_;
  std::unique_ptr<service::EventService> event_service_;
  std::unique_ptr<service::SessionService> session_service_;
  std::unique_ptr<service::AccountService> account_service_;
  std::unique_ptr<grpc::Server> server_;
};

Server::Server(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Server::~Server() = default;

absl::StatusOr<std::unique_ptr<Server>> Server::Start(const Config& config) {
  auto impl = std::make_unique<Impl>(config);
  const absl::Status status = impl->Start();
  if (!status.ok()) return status;
  return std::unique_ptr<Server>(new Server(std::move(impl)));
}

void Server::Drain() { impl_->Drain(); }

}  // namespace carillon::broker
