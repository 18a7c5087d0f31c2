#include "tests/bench/load/fanout.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/dialect.h"
#include "tests/bench/load/fleet.h"
#include "tests/bench/load/publisher.h"
#include "tests/bench/load/report.h"

namespace carillon::bench {
namespace {

constexpr uint64_t kNanosPerSecond = 1'000'000'000;
// The longest turn of the loop, and how long what is on its way may take at the end.
constexpr uint64_t kTurnNs = 10'000'000;
constexpr uint64_t kDrainNs = 20 * kNanosPerSecond;

struct FanoutFlags {
  std::string dialect = "carillon";
  std::string address;
  bool tls = false;
  std::string token_file;
  std::string publish_address;
  GrpcFlags grpc;
  LoadFlags load;
  FleetPlan fleet;
  // Events a second; 0: as fast as they are received.
  double rate = 0;
  bool hold = false;
  bool storm = false;
};

uint64_t ToNanos(double seconds) {
  return static_cast<uint64_t>(seconds * static_cast<double>(kNanosPerSecond));
}

std::string ReadFirstLine(const std::string& file) {
  char text[8192];
  const int fd = open(file.c_str(), O_RDONLY | O_CLOEXEC);
  const ssize_t size = fd < 0 ? -1 : read(fd, text, sizeof text);
  if (fd >= 0) close(fd);
  const absl::string_view all(text, static_cast<size_t>(std::max<ssize_t>(size, 0)));
  return std::string(all.substr(0, all.find('\n')));
}

// Tells when the orchestrator has closed standard input.
class InputEnd : public Pollable {
 public:
  explicit InputEnd(EventLoop* loop) : loop_(loop) { loop->Add(STDIN_FILENO, EPOLLIN, this); }
  bool reached() const { return reached_; }

 private:
  void OnReady(uint32_t /*events*/) override {
    char text[64];
    if (read(STDIN_FILENO, text, sizeof text) > 0) return;
    reached_ = true;
    loop_->Remove(STDIN_FILENO);
  }

  EventLoop* const loop_;
  bool reached_ = false;
};

class FanoutRun {
 public:
  explicit FanoutRun(FanoutFlags flags) : flags_(std::move(flags)) {}

  absl::Status Run() {
    absl::Status status = Prepare();
    if (!status.ok()) return status;
    status = TurnUntil([this] { return fleet_->all_live(); });
    if (!status.ok()) return status;
    PrintStage("live");
    if (flags_.hold) return Hold();
    if (flags_.storm) return Storm();
    return Load();
  }

 private:
  absl::Status Prepare() {
    RaiseDescriptorLimit();
    auto dialect = MakeDialect(flags_.dialect,
                               flags_.token_file.empty() ? "" : ReadFirstLine(flags_.token_file));
    if (!dialect.ok()) return dialect.status();
    dialect_ = *std::move(dialect);
    auto servers = ParseServers(flags_.load.servers);
    if (!servers.ok()) return servers.status();
    cpu_ = std::make_unique<CpuMeter>(*std::move(servers));
    if (flags_.tls) tls_ = MakeClientContext();
    flags_.fleet.subscriber = {flags_.address, tls_.get(), dialect_.get(), {}};
    flags_.fleet.event_size = flags_.load.event_size;
    fleet_ = std::make_unique<Fleet>(&loop_, flags_.fleet);
    return absl::OkStatus();
  }

  absl::Status MakePublisher() {
    if (flags_.dialect != "carillon") {
      auto publisher =
          MakeTcpPublisher(&loop_, flags_.dialect, flags_.publish_address, flags_.load.event_size);
      if (!publisher.ok()) return publisher.status();
      publisher_ = *std::move(publisher);
      return absl::OkStatus();
    }
    auto connection = client::Connection::Open(flags_.grpc.options);
    if (!connection.ok()) return connection.status();
    publisher_ =
        MakeCarillonPublisher(*std::move(connection), flags_.load.event_size, flags_.load.round);
    return absl::OkStatus();
  }

  template <typename Condition>
  absl::Status TurnUntil(Condition condition) {
    while (true) {
      if (absl::Status status = fleet_->Pump(); !status.ok()) return status;
      if (condition()) return absl::OkStatus();
      loop_.RunOnce(MonotonicNanos() + kTurnNs);
    }
  }

  // Keeps the connections until the orchestrator has looked at the servers.
  absl::Status Hold() {
    InputEnd end(&loop_);
    return TurnUntil([&end] { return end.reached(); });
  }

  // Waits for the server to go away and come back.
  absl::Status Storm() {
    fleet_->ExpectClose();
    absl::Status status = TurnUntil([this] { return fleet_->all_closed(); });
    if (!status.ok()) return status;
    PrintStage("closed");
    cpu_->Start();
    fleet_->Reconnect();
    status = TurnUntil([this] { return fleet_->all_live(); });
    if (!status.ok()) return status;
    cpu_->Stop();
    Report report;
    report.seconds = static_cast<double>(MonotonicNanos() - fleet_->reconnected_ns()) / 1e9;
    report.failed_attempts = fleet_->failed_attempts();
    report.cpu = cpu_.get();
    PrintReport(report);
    InputEnd end(&loop_);
    return TurnUntil([&end] { return end.reached(); });
  }

  absl::Status Load() {
    absl::Status status = MakePublisher();
    if (!status.ok()) return status;
    fleet_->MeasureFrom(std::numeric_limits<uint64_t>::max());
    status = PublishFor(flags_.load.warm_up_seconds);
    if (!status.ok()) return status;

    fleet_->MeasureFrom(static_cast<uint64_t>(published_));
    Report report;
    report.events = -published_;
    report.deliveries = -fleet_->deliveries();
    report.bytes = -fleet_->bytes();
    const uint64_t begin = MonotonicNanos();
    cpu_->Start();
    status = PublishFor(flags_.load.seconds);
    if (!status.ok()) return status;
    cpu_->Stop();
    report.seconds = static_cast<double>(MonotonicNanos() - begin) / 1e9;
    report.events += published_;
    report.deliveries += fleet_->deliveries();
    report.bytes += fleet_->bytes();
    report.lost = report.events * flags_.fleet.connections - report.deliveries;
    report.disorder = fleet_->disorder();
    report.latency = &fleet_->latency();
    report.cpu = cpu_.get();
    PrintReport(report);
    return absl::OkStatus();
  }

  // Publishes, and waits until all has been received.
  absl::Status PublishFor(double seconds) {
    const uint64_t begin = MonotonicNanos();
    const uint64_t end = begin + ToNanos(seconds);
    const int64_t published_before = published_;
    while (true) {
      if (absl::Status status = fleet_->Pump(); !status.ok()) return status;
      if (absl::Status status = publisher_->status(); !status.ok()) return status;
      const uint64_t now = MonotonicNanos();
      if (now >= end && (outstanding() == 0 || now >= end + kDrainNs)) return absl::OkStatus();
      uint64_t wake = now + kTurnNs;
      if (now < end && flags_.rate == 0) {
        while (outstanding() <= flags_.load.round * flags_.fleet.connections) {
          Publish(flags_.load.round);
        }
      } else if (now < end) {
        const int64_t due =
            static_cast<int64_t>(static_cast<double>(now - begin) / 1e9 * flags_.rate) + 1 -
            (published_ - published_before);
        if (due > 0) Publish(due);
        wake = std::min(wake, begin + ToNanos(static_cast<double>(published_ - published_before) /
                                              flags_.rate));
      }
      loop_.RunOnce(wake);
    }
  }

  void Publish(int64_t count) {
    publisher_->Publish(count);
    published_ += count;
  }

  // Deliveries that are on their way.
  int64_t outstanding() const {
    return published_ * flags_.fleet.connections - fleet_->deliveries();
  }

  FanoutFlags flags_;
  EventLoop loop_;
  SslContext tls_;
  std::unique_ptr<Dialect> dialect_;
  std::unique_ptr<CpuMeter> cpu_;
  std::unique_ptr<Fleet> fleet_;
  std::unique_ptr<Publisher> publisher_;
  int64_t published_ = 0;
};

}  // namespace

void AddFanoutCommand(CLI::App* app, Command* command) {
  CLI::App* const fanout = app->add_subcommand("fanout", "Websockets that receive all events");
  auto flags = std::make_shared<FanoutFlags>();
  fanout->add_option("--dialect", flags->dialect, "carillon, nats or mqtt");
  fanout->add_option("--address", flags->address, "HOST:PORT of the websocket server")->required();
  fanout->add_flag("--tls", flags->tls, "wss");
  fanout->add_option("--token-file", flags->token_file, "a token for Carillon's facade");
  fanout->add_option("--publish", flags->publish_address,
                     "HOST:PORT to publish to, for NATS and MQTT");
  fanout->add_option("--connections", flags->fleet.connections, "websockets");
  fanout->add_option("--registrations", flags->fleet.registrations,
                     "filters of each; all but the first match nothing");
  fanout->add_flag("--distinct", flags->fleet.distinct_registrations,
                   "those filters are another for each websocket");
  fanout->add_option("--connecting-max", flags->fleet.connecting_max, "connections made at a time");
  fanout->add_option("--rate", flags->rate, "events a second; 0: as fast as they are received");
  fanout->add_flag("--hold", flags->hold, "publish nothing; end when standard input ends");
  fanout->add_flag("--storm", flags->storm,
                   "publish nothing; connect again, all at once, when the server comes back");
  flags->grpc.AddTo(fanout);
  flags->load.AddTo(fanout);
  fanout->callback([=] { *command = [flags] { return FanoutRun(*flags).Run(); }; });
}

}  // namespace carillon::bench
