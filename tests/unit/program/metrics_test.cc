#include "deploy/program/metrics.h"

#include <arpa/inet.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <cmath>
#include <thread>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "deploy/program/process_metrics.h"

namespace carillon::program {
namespace {

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// The whole answer to a GET on 127.0.0.1.
std::string Get(uint16_t port, const std::string& path) {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  absl::Cleanup closer = [fd] { close(fd); };
  sockaddr_in address = {};
  address.sin_family = AF_INET;
  address.sin_port = htons(port);
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof address) != 0)
    return "no connection";
  const std::string request = absl::StrCat("GET ", path, " HTTP/1.0\r\nHost: localhost\r\n\r\n");
  EXPECT_EQ(write(fd, request.data(), request.size()), static_cast<ssize_t>(request.size()));
  std::string answer;
  char buffer[4096];
  for (ssize_t count; (count = read(fd, buffer, sizeof buffer)) > 0;) {
    answer.append(buffer, static_cast<size_t>(count));
  }
  return answer;
}

// The value of a line of the text format; NaN if there is none.
double ValueOf(const std::string& text, absl::string_view metric) {
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    const std::vector<absl::string_view> words = absl::StrSplit(line, ' ');
    double value = 0;
    if (words.size() == 2 && words[0] == metric && absl::SimpleAtod(words[1], &value)) return value;
  }
  return std::nan("");
}

TEST(MetricsTest, TheSameNameAndLabelsAreTheSameMetric) {
  Metrics metrics("test");
  metrics.Counter("carillon_test_events_total", "Events.", {{"result", "good"}}).Increment();
  metrics.Counter("carillon_test_events_total", "Events.", {{"result", "good"}}).Increment(2);
  metrics.Counter("carillon_test_events_total", "Events.", {{"result", "bad"}}).Increment();
  const std::string text = metrics.RenderText();
  EXPECT_EQ(ValueOf(text, "carillon_test_events_total{result=\"good\"}"), 3);
  EXPECT_EQ(ValueOf(text, "carillon_test_events_total{result=\"bad\"}"), 1);
  EXPECT_THAT(text, HasSubstr("# TYPE carillon_test_events_total counter"));
}

TEST(MetricsTest, GaugesAndHistogramsAreShown) {
  Metrics metrics("test");
  metrics.Gauge("carillon_test_streams", "Streams.").Set(7);
  metrics.Histogram("carillon_test_commit_seconds", "Commits.", {0.1, 1}).Observe(0.5);
  const std::string text = metrics.RenderText();
  EXPECT_EQ(ValueOf(text, "carillon_test_streams"), 7);
  EXPECT_EQ(ValueOf(text, "carillon_test_commit_seconds_bucket{le=\"0.1\"}"), 0);
  EXPECT_EQ(ValueOf(text, "carillon_test_commit_seconds_bucket{le=\"1\"}"), 1);
  EXPECT_EQ(ValueOf(text, "carillon_test_commit_seconds_sum"), 0.5);
}

TEST(MetricsTest, ACollectorIsAskedAtEachScrapeUntilItGoes) {
  Metrics metrics("test");
  std::atomic<int> events{1};
  std::unique_ptr<Metrics::Registration> registration =
      metrics.AddCollector([&events](Scrape* scrape) {
        scrape->Counter("carillon_test_events_total", "Events.", events, {{"kind", "a"}});
        scrape->Counter("carillon_test_events_total", "Events.", 2 * events, {{"kind", "b"}});
        scrape->Gauge("carillon_test_depth", "Depth.", 0.5);
      });
  EXPECT_EQ(ValueOf(metrics.RenderText(), "carillon_test_events_total{kind=\"a\"}"), 1);
  events = 5;
  const std::string text = metrics.RenderText();
  EXPECT_EQ(ValueOf(text, "carillon_test_events_total{kind=\"a\"}"), 5);
  EXPECT_EQ(ValueOf(text, "carillon_test_events_total{kind=\"b\"}"), 10);
  EXPECT_EQ(ValueOf(text, "carillon_test_depth"), 0.5);
  registration.reset();
  EXPECT_THAT(metrics.RenderText(), Not(HasSubstr("carillon_test_events_total")));
}

TEST(MetricsTest, ACollectorDoesNotRunAfterItsRegistration) {
  Metrics metrics("test");
  std::atomic<bool> done{false};
  std::thread scraper([&] {
    while (!done) metrics.RenderText();
  });
  for (int i = 0; i < 200; ++i) {
    auto alive = std::make_unique<std::atomic<int>>(i);
    const auto registration = metrics.AddCollector([value = alive.get()](Scrape* scrape) {
      scrape->Gauge("carillon_test_value", "Value.", *value);
    });
  }
  done = true;
  scraper.join();
}

TEST(MetricsTest, EveryProcessHasBuildInfoAndProcessMetrics) {
  Metrics metrics("test");
  const std::string text = metrics.RenderText();
  EXPECT_THAT(text,
              testing::ContainsRegex(
                  "carillon_build_info\\{compiler=\".*\",program=\"test\",version=\".*\"\\} 1"));
  EXPECT_GT(ValueOf(text, "process_resident_memory_bytes"), 1 << 20);
  EXPECT_GE(ValueOf(text, "process_cpu_seconds_total"), 0);
  EXPECT_GE(ValueOf(text, "process_open_fds"), 3);
  EXPECT_GE(ValueOf(text, "process_max_fds"), ValueOf(text, "process_open_fds"));
  EXPECT_GE(ValueOf(text, "process_threads"), 1);
  EXPECT_NEAR(ValueOf(text, "process_start_time_seconds"), static_cast<double>(time(nullptr)),
              3600);
}

TEST(ProcessStatTest, SurvivesAProgramNameWithBrackets) {
  const std::optional<ProcessStat> stat = ParseProcessStat(
      "42 (a) b (c) S 1 42 42 0 -1 4194560 100 0 0 0 11 22 0 0 20 0 3 0 5000 1000000 250 "
      "18446744073709551615 1");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->user_ticks, 11u);
  EXPECT_EQ(stat->system_ticks, 22u);
  EXPECT_EQ(stat->threads, 3u);
  EXPECT_EQ(stat->start_ticks, 5000u);
  EXPECT_EQ(stat->virtual_bytes, 1000000u);
  EXPECT_EQ(stat->resident_pages, 250u);
}

TEST(ProcessStatTest, IsNothingForAnotherText) {
  for (const char* text :
       {"", "42 (a", "42 (a) S 1 2 3", "42 (a) S x x x x x x x x x x x x x x x x x x x x x x"}) {
    EXPECT_FALSE(ParseProcessStat(text).has_value()) << text;
  }
}

TEST(ExponentialBoundsTest, MultiplyByTheFactor) {
  EXPECT_THAT(ExponentialBounds(0.5, 2, 4), testing::ElementsAre(0.5, 1, 2, 4));
}

TEST(MetricsServerTest, IsScrapedOverHttpOnTheFreePortItLogs) {
  Metrics metrics("test");
  metrics.Counter("carillon_test_events_total", "Events.").Increment();
  testing::internal::CaptureStderr();
  const auto server = MetricsServer::Start({"127.0.0.1", 0}, metrics);
  const std::string log = testing::internal::GetCapturedStderr();
  ASSERT_TRUE(server.ok()) << server.status();
  const Endpoint endpoint = (*server)->endpoint();
  EXPECT_NE(endpoint.port, 0);
  EXPECT_THAT(
      log, HasSubstr(absl::StrCat(" INFO listening on ", endpoint.ToString(), " service=metrics")));
  EXPECT_THAT(Get(endpoint.port, "/metrics"),
              AllOf(StartsWith("HTTP/1.1 200 OK"), HasSubstr("\ncarillon_test_events_total 1\n")));
}

TEST(MetricsServerTest, ServesHealthAndNothingElse) {
  Metrics metrics("test");
  const auto server = MetricsServer::Start({"localhost", 0}, metrics);
  ASSERT_TRUE(server.ok()) << server.status();
  const uint16_t port = (*server)->endpoint().port;
  EXPECT_THAT(Get(port, "/healthz"),
              AllOf(StartsWith("HTTP/1.1 200 OK"), HasSubstr("\r\n\r\nok\n")));
  for (const char* path : {"/", "/etc/passwd", "/../../../etc/passwd"}) {
    EXPECT_THAT(Get(port, path), Not(StartsWith("HTTP/1.1 200"))) << path;
  }
}

TEST(MetricsServerTest, APortThatIsTakenIsAnError) {
  Metrics metrics("test");
  const auto first = MetricsServer::Start({"127.0.0.1", 0}, metrics);
  ASSERT_TRUE(first.ok()) << first.status();
  const Endpoint taken = (*first)->endpoint();
  const absl::Status second = MetricsServer::Start(taken, metrics).status();
  EXPECT_EQ(second.code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(second.message(), absl::StrCat("cannot listen on ", taken.ToString(),
                                           " for metrics: Address already in use"));
}

TEST(MetricsServerTest, AHostThatIsNotThereIsAnError) {
  Metrics metrics("test");
  const absl::Status status = MetricsServer::Start({"nowhere.invalid", 0}, metrics).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()), StartsWith("cannot find the host nowhere.invalid: "));
}

}  // namespace
}  // namespace carillon::program
