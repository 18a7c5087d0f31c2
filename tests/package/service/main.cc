// Publishes an event and watches for it: the way a service uses the client library.
#include <cstdio>
#include <cstdlib>
#include <string>

#include "carillon/client/connection.h"
#include "carillon/client/filter_text.h"
#include "carillon/client/publisher.h"
#include "carillon/client/watcher.h"

namespace client = carillon::client;
namespace v1 = carillon::v1;

namespace {

[[noreturn]] void Fail(const absl::Status& status) {
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  std::exit(1);
}

std::string FromEnvironment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

void PublishOne(const std::shared_ptr<client::Connection>& connection) {
  client::Publisher publisher(connection, {});
  v1::PublishStreamRequest batch;
  v1::Event* event = batch.add_events();
  event->set_type("package");
  event->set_action("create");
  event->set_key("k1");
  event->set_object(R"({"from":"somebody"})");
  publisher.Publish(batch, [](absl::StatusOr<v1::PublishStreamResponse> response) {
    if (!response.ok()) Fail(response.status());
  });
  const absl::Status finished = publisher.Finish();
  if (!finished.ok()) Fail(finished);
}

}  // namespace

int main() {
  client::ConnectionOptions options;
  options.broker = FromEnvironment("CARILLON_BROKER");
  options.ca_file = FromEnvironment("CARILLON_CA");
  options.user = FromEnvironment("CARILLON_USER");
  const auto connection = client::Connection::Open(options);
  if (!connection.ok()) Fail(connection.status());
  PublishOne(*connection);

  client::WatcherOptions watch;
  const auto filter = client::ParseFilterText("package.*.*");
  if (!filter.ok()) Fail(filter.status());
  watch.filter = *filter;
  watch.start.set_earliest(true);
  client::Watcher watcher(*connection, watch);
  client::Watcher::Handler handler;
  handler.on_events = [](absl::Span<const carillon::wire::EventView> events) {
    std::printf("%s\n", std::string(events.front().object).c_str());
    return false;
  };
  const absl::Status watched = watcher.Run(handler);
  if (!watched.ok()) Fail(watched);
  return 0;
}
