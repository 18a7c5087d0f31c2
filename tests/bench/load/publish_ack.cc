#include "tests/bench/load/publish_ack.h"

#include <fcntl.h>
#include <grpcpp/grpcpp.h>
#include <unistd.h>

#include <cerrno>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "tests/bench/load/event_text.h"
#include "tests/bench/load/report.h"

namespace carillon::bench {
namespace {

v1::Event MakeEvent(size_t size) {
  v1::Event event;
  event.set_type(kEventType);
  event.set_action(kEventAction);
  event.set_key(kEventKey);
  event.set_object(std::string(EventText(size).object()));
  return event;
}

absl::Duration Since(uint64_t begin_ns) {
  return absl::Nanoseconds(static_cast<int64_t>(MonotonicNanos() - begin_ns));
}

void Print(int64_t count, uint64_t begin_ns, const cli::LatencyHistogram& latency) {
  Report report;
  report.seconds = absl::ToDoubleSeconds(Since(begin_ns));
  report.events = count;
  report.latency = &latency;
  PrintReport(report);
}

// One event at a time on a PublishStream: one that is committed, or one that is `refused`, for
// which everything is done but that.
absl::Status RunPublishAck(const client::ConnectionOptions& options, const LoadFlags& load,
                           bool refused) {
  auto connection = client::Connection::Open(options);
  if (!connection.ok()) return connection.status();
  const auto stub = v1::EventService::NewStub((*connection)->channel());
  grpc::ClientContext context;
  if (absl::Status status = (*connection)->Authorize(&context); !status.ok()) return status;
  const auto stream = stub->PublishStream(&context);
  v1::PublishStreamRequest request;
  v1::Event* const event = request.add_events();
  *event = MakeEvent(load.event_size);
  if (refused) event->mutable_object()->back() = '!';
  v1::PublishStreamResponse response;
  cli::LatencyHistogram latency;
  const uint64_t start = MonotonicNanos();
  uint64_t begin = 0;
  int64_t count = 0;
  while (begin == 0 || absl::ToDoubleSeconds(Since(begin)) < load.seconds) {
    const uint64_t sent = MonotonicNanos();
    if (!stream->Write(request) || !stream->Read(&response)) {
      return absl::InternalError(
          absl::StrCat("the stream broke: ", stream->Finish().error_message()));
    }
    if (response.results_size() != 1 || response.results(0).has_error() != refused) {
      return absl::InternalError(refused ? "the event was taken" : "the event was refused");
    }
    if (begin != 0) {
      latency.Add(Since(sent));
      ++count;
    } else if (absl::ToDoubleSeconds(Since(start)) >= load.warm_up_seconds) {
      begin = MonotonicNanos();
    }
  }
  Print(count, begin, latency);
  stream->WritesDone();
  stream->Finish();
  return absl::OkStatus();
}

// Writes one page and flushes it, `rate` times a second, or with 0 as often as it goes: the floor
// of anything durable. A machine that sleeps in between takes longer.
absl::Status RunFlush(const std::string& file, double seconds, double rate) {
  const int fd = open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", file));
  std::string page(4096, 'x');
  cli::LatencyHistogram latency;
  const uint64_t begin = MonotonicNanos();
  int64_t count = 0;
  absl::Status status;
  for (; status.ok() && absl::ToDoubleSeconds(Since(begin)) < seconds; ++count) {
    page[0] = static_cast<char>(count);
    const uint64_t start = MonotonicNanos();
    if (pwrite(fd, page.data(), page.size(), 0) < 0 || fdatasync(fd) != 0) {
      status = absl::ErrnoToStatus(errno, absl::StrCat("cannot write ", file));
    }
    latency.Add(Since(start));
    if (rate > 0) absl::SleepFor(absl::Seconds(1 / rate) - Since(start));
  }
  close(fd);
  unlink(file.c_str());
  if (status.ok()) Print(count, begin, latency);
  return status;
}

}  // namespace

void AddPublishAckCommand(CLI::App* app, Command* command) {
  CLI::App* const ack = app->add_subcommand("publish-ack", "Events one at a time, to a broker");
  auto grpc = std::make_shared<GrpcFlags>();
  auto load = std::make_shared<LoadFlags>();
  grpc->AddTo(ack);
  load->AddTo(ack);
  auto refused = std::make_shared<bool>(false);
  ack->add_flag("--refused", *refused, "events that the broker refuses: everything but the disk");
  ack->callback([=] { *command = [=] { return RunPublishAck(grpc->options, *load, *refused); }; });
}

void AddFlushCommand(CLI::App* app, Command* command) {
  CLI::App* const flush = app->add_subcommand("flush", "One page at a time, to the disk");
  auto file = std::make_shared<std::string>();
  auto seconds = std::make_shared<double>(2);
  auto rate = std::make_shared<double>(0);
  flush->add_option("--file", *file, "a file to make on the disk")->required();
  flush->add_option("--seconds", *seconds, "how long to measure");
  flush->add_option("--rate", *rate, "how many a second; 0: one after the other");
  flush->callback([=] { *command = [=] { return RunFlush(*file, *seconds, *rate); }; });
}

}  // namespace carillon::bench
