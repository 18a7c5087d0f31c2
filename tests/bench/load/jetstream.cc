// JetStream's part of the load: publishes durably without waiting for each acknowledgement, and
// reads the stream back in order.
#include <nats/nats.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/event_text.h"
#include "tests/bench/load/flags.h"
#include "tests/bench/load/report.h"

namespace carillon::bench {
namespace {

constexpr char kStream[] = "BENCH";
constexpr char kSubject[] = "bench.save.key";
constexpr int64_t kPendingMax = 4000;

template <auto Destroy>
struct Deleter {
  template <typename T>
  void operator()(T* object) const {
    Destroy(object);
  }
};
using Connection = std::unique_ptr<natsConnection, Deleter<natsConnection_Destroy>>;
using Context = std::unique_ptr<jsCtx, Deleter<jsCtx_Destroy>>;
using Subscription = std::unique_ptr<natsSubscription, Deleter<natsSubscription_Destroy>>;

absl::Status FromNats(natsStatus status, absl::string_view what) {
  if (status == NATS_OK) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(what, ": ", natsStatus_GetText(status)));
}

struct Flags {
  std::string address;
  int streams = 4;
  int64_t count = 200'000;
  LoadFlags load;
};

struct Client {
  Connection connection;
  Context context;
};

absl::StatusOr<Client> Connect(const Flags& flags) {
  Client client;
  natsConnection* connection = nullptr;
  absl::Status status = FromNats(
      natsConnection_ConnectTo(&connection, absl::StrCat("nats://", flags.address).c_str()),
      "cannot connect");
  if (!status.ok()) return status;
  client.connection.reset(connection);
  jsOptions options;
  jsOptions_Init(&options);
  options.PublishAsync.MaxPending = kPendingMax;
  jsCtx* context = nullptr;
  status = FromNats(natsConnection_JetStream(&context, connection, &options), "no JetStream");
  if (!status.ok()) return status;
  client.context.reset(context);
  return client;
}

absl::Status AddStream(const Client& client) {
  jsStreamConfig config;
  jsStreamConfig_Init(&config);
  const char* subjects[] = {"bench.>"};
  config.Name = kStream;
  config.Subjects = subjects;
  config.SubjectsLen = 1;
  config.Storage = js_FileStorage;
  return FromNats(js_AddStream(nullptr, client.context.get(), &config, nullptr, nullptr),
                  "cannot add a stream");
}

absl::Status PublishPart(const Flags& flags) {
  auto client = Connect(flags);
  if (!client.ok()) return client.status();
  EventText event(flags.load.event_size);
  const int64_t count = flags.count / flags.streams;
  for (int64_t i = 0; i < count; ++i) {
    event.Write({static_cast<uint64_t>(i), MonotonicNanos()});
    const natsStatus status = js_PublishAsync(client->context.get(), kSubject, event.whole().data(),
                                              static_cast<int>(event.whole().size()), nullptr);
    if (status != NATS_OK) return FromNats(status, "cannot publish");
  }
  jsPubOptions wait;
  jsPubOptions_Init(&wait);
  wait.MaxWait = 60'000;
  return FromNats(js_PublishAsyncComplete(client->context.get(), &wait), "not all acknowledged");
}

absl::Status RunPublish(const Flags& flags) {
  auto servers = ParseServers(flags.load.servers);
  if (!servers.ok()) return servers.status();
  auto client = Connect(flags);
  if (!client.ok()) return client.status();
  if (absl::Status status = AddStream(*client); !status.ok()) return status;
  CpuMeter cpu(*std::move(servers));
  cpu.Start();
  const uint64_t begin = MonotonicNanos();
  std::vector<absl::Status> results(static_cast<size_t>(flags.streams));
  std::vector<std::thread> threads;
  for (absl::Status& result : results) {
    threads.emplace_back([&flags, &result] { result = PublishPart(flags); });
  }
  for (std::thread& thread : threads) thread.join();
  cpu.Stop();
  for (const absl::Status& result : results) {
    if (!result.ok()) return result;
  }
  Report report;
  report.seconds = static_cast<double>(MonotonicNanos() - begin) / 1e9;
  report.events = flags.count / flags.streams * flags.streams;
  report.cpu = &cpu;
  PrintReport(report);
  return absl::OkStatus();
}

absl::Status RunReplay(const Flags& flags) {
  auto servers = ParseServers(flags.load.servers);
  if (!servers.ok()) return servers.status();
  auto client = Connect(flags);
  if (!client.ok()) return client.status();
  CpuMeter cpu(*std::move(servers));
  cpu.Start();
  const uint64_t begin = MonotonicNanos();
  jsSubOptions options;
  jsSubOptions_Init(&options);
  options.Ordered = true;
  natsSubscription* raw = nullptr;
  absl::Status status =
      FromNats(js_SubscribeSync(&raw, client->context.get(), kSubject, nullptr, &options, nullptr),
               "cannot subscribe");
  if (!status.ok()) return status;
  const Subscription subscription(raw);
  Report report;
  for (; report.events < flags.count; ++report.events) {
    natsMsg* message = nullptr;
    status = FromNats(natsSubscription_NextMsg(&message, raw, 20'000), "no next message");
    if (!status.ok()) return status;
    report.bytes += natsMsg_GetDataLength(message);
    natsMsg_Destroy(message);
  }
  cpu.Stop();
  report.seconds = static_cast<double>(MonotonicNanos() - begin) / 1e9;
  report.deliveries = report.events;
  report.cpu = &cpu;
  PrintReport(report);
  return absl::OkStatus();
}

void AddCommand(CLI::App* app, const char* name, const char* help,
                absl::Status (*run)(const Flags&), Command* command) {
  CLI::App* const sub = app->add_subcommand(name, help);
  auto flags = std::make_shared<Flags>();
  sub->add_option("--address", flags->address, "HOST:PORT of the server")->required();
  sub->add_option("--streams", flags->streams, "publishers");
  sub->add_option("--count", flags->count, "events in all");
  flags->load.AddTo(sub);
  sub->callback([=] { *command = [flags, run] { return run(*flags); }; });
}

}  // namespace
}  // namespace carillon::bench

int main(int argc, char** argv) {
  CLI::App app("Loads JetStream and tells what it did with it, as JSON.");
  app.require_subcommand(1);
  carillon::bench::Command command;
  carillon::bench::AddCommand(&app, "publish", "Publish durably", &carillon::bench::RunPublish,
                              &command);
  carillon::bench::AddCommand(&app, "replay", "Read all that was published",
                              &carillon::bench::RunReplay, &command);
  CLI11_PARSE(app, argc, argv);
  const absl::Status status = command();
  if (status.ok()) return 0;
  std::fprintf(stderr, "carillon-bench-jetstream: %s\n", status.ToString().c_str());
  return 1;
}
