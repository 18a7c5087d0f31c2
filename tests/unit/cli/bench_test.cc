#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "clients/cli/bench_marker.h"
#include "clients/cli/bench_report.h"
#include "clients/cli/latency_histogram.h"

namespace carillon::cli {
namespace {

using ::testing::HasSubstr;

TEST(BenchEvent, HasTheSizeAskedForAndItsMarker) {
  for (size_t size : {150u, 200u, 227u, 228u, 256u, 257u, 500u, 16000u, 17000u, 100000u}) {
    const BenchMarker marker = {42, 3, 1234567, 1700000000123456789};
    const v1::Event event = MakeBenchEvent(marker, size);
    EXPECT_NEAR(static_cast<double>(event.ByteSizeLong()), static_cast<double>(size), 2);
    const std::optional<BenchMarker> parsed = ParseBenchMarker(event.object());
    ASSERT_TRUE(parsed.has_value());
    EXPECT_EQ(parsed->run, 42);
    EXPECT_EQ(parsed->stream, 3);
    EXPECT_EQ(parsed->number, 1234567);
    EXPECT_EQ(parsed->sent_at, 1700000000123456789);
  }
}

TEST(BenchEvent, IsNotFoundInOtherObjects) {
  for (const char* object : {"", "{}", "{\"run\":1}", "{\"run\":x,\"stream\":1}", "null"}) {
    EXPECT_FALSE(ParseBenchMarker(object).has_value()) << object;
  }
}

TEST(SequenceCheckerTest, FindsNothingWrongWithStreamsThatAreWhole) {
  SequenceChecker checker;
  for (int64_t number = 0; number < 100; ++number) {
    checker.Add({1, 0, number, 0});
    checker.Add({1, 1, number, 0});
    checker.Add({2, 0, number, 0});
  }
  EXPECT_EQ(checker.lost(), 0);
  EXPECT_EQ(checker.repeated(), 0);
  EXPECT_EQ(checker.stream_count(), 3u);
}

TEST(SequenceCheckerTest, CountsWhatIsMissingAlsoAtTheBeginning) {
  SequenceChecker checker;
  for (int64_t number : {2, 3, 7}) checker.Add({1, 0, number, 0});
  EXPECT_EQ(checker.lost(), 5);
}

TEST(SequenceCheckerTest, CountsWhatComesAgain) {
  SequenceChecker checker;
  for (int64_t number : {0, 1, 1, 0, 2}) checker.Add({1, 0, number, 0});
  EXPECT_EQ(checker.lost(), 0);
  EXPECT_EQ(checker.repeated(), 2);
}

TEST(LatencyHistogramTest, GivesPercentilesWithinTwoPercent) {
  LatencyHistogram histogram;
  for (int i = 1; i <= 10000; ++i) histogram.Add(absl::Microseconds(i));
  for (double part : {0.001, 0.5, 0.9, 0.99, 0.999}) {
    EXPECT_NEAR(absl::ToDoubleMicroseconds(histogram.Percentile(part)), part * 10000,
                part * 10000 * 0.02 + 1);
  }
  EXPECT_EQ(histogram.max(), absl::Microseconds(10000));
  EXPECT_EQ(histogram.Percentile(1), absl::Microseconds(10000));
}

TEST(LatencyHistogramTest, TakesAnyLatency) {
  LatencyHistogram histogram;
  histogram.Add(absl::Seconds(-1));
  histogram.Add(absl::Nanoseconds(1));
  histogram.Add(absl::InfiniteDuration());
  EXPECT_EQ(histogram.count(), 3);
  EXPECT_EQ(histogram.Percentile(0.3), absl::ZeroDuration());
  EXPECT_EQ(histogram.Percentile(0.6), absl::Nanoseconds(1));
}

TEST(LatencyHistogramTest, MergesLikeOneThatHeardItAll) {
  LatencyHistogram all;
  LatencyHistogram even;
  LatencyHistogram odd;
  std::mt19937_64 random(1);
  for (int i = 0; i < 10000; ++i) {
    const absl::Duration latency = absl::Nanoseconds(random() >> (random() % 63 + 1));
    all.Add(latency);
    (i % 2 == 0 ? even : odd).Add(latency);
  }
  even.Merge(odd);
  for (double part : {0.1, 0.5, 0.99}) EXPECT_EQ(even.Percentile(part), all.Percentile(part));
  EXPECT_EQ(even.max(), all.max());
}

TEST(LatencyHistogramTest, IsZeroWhenNothingWasMeasured) {
  EXPECT_EQ(LatencyHistogram().Percentile(0.5), absl::ZeroDuration());
}

BenchReport SampleReport() {
  BenchReport report;
  report.verb = "published";
  report.latency_meaning = "from sending to acknowledgement";
  report.events = 100000;
  report.event_bytes = 50 << 20;
  report.elapsed = absl::Milliseconds(500);
  report.cpu = {absl::Milliseconds(400), absl::Milliseconds(100)};
  report.latency.Add(absl::Milliseconds(2), 100000);
  report.refused = 0;
  return report;
}

TEST(Report, TellsThroughputCpuTimeAndLatency) {
  const std::string text = FormatReport(SampleReport());
  EXPECT_THAT(text, HasSubstr("published 100,000 events (52,428,800 bytes) in 0.50 s: 200,000 "
                              "events/s, 100.0 MiB/s"));
  EXPECT_THAT(text, HasSubstr("CPU: 0.40 s user, 0.10 s system"));
  EXPECT_THAT(text, HasSubstr("p99 2.00 ms"));
  EXPECT_THAT(text, HasSubstr("refused: 0"));
}

TEST(Report, IsOneJsonObjectForPrograms) {
  const std::string json = FormatReportJson(SampleReport());
  EXPECT_THAT(json, HasSubstr("\"events_per_second\":200000.0"));
  EXPECT_THAT(json, HasSubstr("\"p99.9\":2.000"));
  EXPECT_THAT(json, HasSubstr("\"refused\":0}\n"));
}

}  // namespace
}  // namespace carillon::cli
