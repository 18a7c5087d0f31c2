#include "tests/bench/load/watch.h"

#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "carillon/v1/event_service.pb.h"
#include "tests/bench/load/event_text.h"
#include "tests/bench/load/grpc_readers.h"
#include "tests/bench/load/publisher.h"
#include "tests/bench/load/report.h"

namespace carillon::bench {
namespace {

constexpr absl::Duration kPatience = absl::Seconds(60);
constexpr char kEtcdPrefix[] = "bench/";

struct WatchFlags {
  std::string server = "carillon";
  int streams = 50;
  // Read so many events from the log instead of publishing.
  int64_t replay = 0;
  // Events in a request, or puts in a transaction.
  int64_t batch = 100;
  GrpcFlags grpc;
  LoadFlags load;
};

class WatchRun {
 public:
  explicit WatchRun(WatchFlags flags) : flags_(std::move(flags)) {}

  absl::Status Run() {
    auto servers = ParseServers(flags_.load.servers);
    if (!servers.ok()) return servers.status();
    cpu_ = std::make_unique<CpuMeter>(*std::move(servers));
    if (absl::Status status = OpenChannels(); !status.ok()) return status;
    return flags_.replay > 0 ? Replay() : Load();
  }

 private:
  bool is_etcd() const { return flags_.server == "etcd"; }

  absl::Status OpenChannels() {
    // One for each stream and one for the publisher.
    for (int i = 0; i <= flags_.streams; ++i) {
      auto connection = client::Connection::Open(flags_.grpc.options);
      if (!connection.ok()) return connection.status();
      connections_.push_back(*std::move(connection));
    }
    return absl::OkStatus();
  }

  ReaderPlan CarillonPlan() const {
    v1::WatchRequest request;
    if (flags_.replay > 0) request.mutable_start()->set_earliest(true);
    ReaderPlan plan = {"/carillon.v1.EventService/Watch", request.SerializeAsString(), true,
                       FieldCounter({1, 1}), nullptr};
    plan.authorize = [connection = connections_.front()](grpc::ClientContext* context) {
      return connection->Authorize(context);
    };
    return plan;
  }

  // WatchRequest: WatchCreateRequest create_request = 1, with bytes key = 1, range_end = 2;
  // WatchResponse: repeated Event events = 11.
  static ReaderPlan EtcdPlan() {
    std::string end = kEtcdPrefix;
    ++end.back();
    std::string create;
    AppendBytesField(1, kEtcdPrefix, &create);
    AppendBytesField(2, end, &create);
    std::string request;
    AppendBytesField(1, create, &request);
    return {"/etcdserverpb.Watch/Watch", request, false, FieldCounter({11}), nullptr};
  }

  void StartReaders() {
    std::vector<std::shared_ptr<grpc::Channel>> channels;
    for (int i = 0; i < flags_.streams; ++i) {
      channels.push_back(connections_[static_cast<size_t>(i)]->channel());
    }
    readers_ =
        std::make_unique<GrpcReaders>(std::move(channels), is_etcd() ? EtcdPlan() : CarillonPlan());
  }

  absl::Status Replay() {
    const uint64_t begin = MonotonicNanos();
    cpu_->Start();
    StartReaders();
    const bool complete = readers_->AwaitEvents(flags_.replay * flags_.streams, kPatience);
    Print(begin, flags_.replay, readers_->events(), readers_->bytes());
    return complete ? absl::OkStatus() : readers_->status();
  }

  absl::Status Load() {
    StartReaders();
    absl::Status status = readers_->AwaitFirstMessages(kPatience);
    if (!status.ok()) return status;
    publisher_ = is_etcd() ? MakeEtcdPublisher(connections_.back()->channel(), kEtcdPrefix,
                                               flags_.load.event_size, flags_.batch)
                           : MakeCarillonPublisher(connections_.back(), flags_.load.event_size,
                                                   flags_.batch);
    status = PublishFor(flags_.load.warm_up_seconds);
    if (!status.ok()) return status;
    const int64_t published = published_;
    const int64_t delivered = readers_->events();
    const int64_t bytes = readers_->bytes();
    const uint64_t begin = MonotonicNanos();
    cpu_->Start();
    status = PublishFor(flags_.load.seconds);
    if (!status.ok()) return status;
    Print(begin, published_ - published, readers_->events() - delivered, readers_->bytes() - bytes);
    return absl::OkStatus();
  }

  absl::Status PublishFor(double seconds) {
    const uint64_t end = MonotonicNanos() + static_cast<uint64_t>(seconds * 1e9);
    while (MonotonicNanos() < end) {
      publisher_->Publish(flags_.load.round);
      published_ += flags_.load.round;
      if (absl::Status status = AwaitAllBut(flags_.load.round); !status.ok()) return status;
    }
    return AwaitAllBut(0);
  }

  absl::Status AwaitAllBut(int64_t events) {
    if (!readers_->AwaitEvents((published_ - events) * flags_.streams, kPatience)) {
      absl::Status status = readers_->status();
      status.Update(publisher_->status());
      status.Update(absl::DeadlineExceededError(
          absl::StrCat("of ", published_, " events on ", flags_.streams, " streams only ",
                       readers_->events(), " deliveries came")));
      return status;
    }
    return publisher_->status();
  }

  void Print(uint64_t begin_ns, int64_t events, int64_t deliveries, int64_t bytes) {
    cpu_->Stop();
    Report report;
    report.seconds = static_cast<double>(MonotonicNanos() - begin_ns) / 1e9;
    report.events = events;
    report.deliveries = deliveries;
    report.bytes = bytes;
    report.lost = events * flags_.streams - deliveries;
    report.cpu = cpu_.get();
    PrintReport(report);
  }

  const WatchFlags flags_;
  std::unique_ptr<CpuMeter> cpu_;
  std::vector<std::shared_ptr<client::Connection>> connections_;
  std::unique_ptr<GrpcReaders> readers_;
  std::unique_ptr<Publisher> publisher_;
  int64_t published_ = 0;
};

}  // namespace

void AddWatchCommand(CLI::App* app, Command* command) {
  CLI::App* const watch = app->add_subcommand("watch", "gRPC streams that receive all events");
  auto flags = std::make_shared<WatchFlags>();
  watch->add_option("--kind", flags->server, "carillon or etcd");
  watch->add_option("--streams", flags->streams, "streams, each on its own connection");
  watch->add_option("--replay", flags->replay,
                    "publish nothing; read so many events from the log's beginning");
  watch->add_option("--batch", flags->batch, "events in a request, or puts in a transaction");
  flags->grpc.AddTo(watch);
  flags->load.AddTo(watch);
  watch->callback([=] { *command = [flags] { return WatchRun(*flags).Run(); }; });
}

}  // namespace carillon::bench
