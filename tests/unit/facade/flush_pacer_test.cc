#include "wsfacade/net/flush_pacer.h"

#include <gtest/gtest.h>

namespace carillon::facade {
namespace {

constexpr absl::Duration kMax = absl::Milliseconds(5);

// Flushes of this cost, each as soon as it may be; returns the wait before the last.
absl::Duration WaitAfterFlushesOf(absl::Duration cost, FlushPacer* pacer, int count = 50) {
  absl::Time now = absl::UnixEpoch();
  absl::Duration wait;
  for (int i = 0; i < count; ++i) {
    pacer->OnFlushed(now, now + cost);
    wait = std::max(pacer->next() - (now + cost), absl::ZeroDuration());
    now += cost + wait;
  }
  return wait;
}

TEST(FlushPacerTest, TheFirstFlushDoesNotWait) {
  EXPECT_EQ(FlushPacer(kMax).next(), absl::InfinitePast());
}

TEST(FlushPacerTest, CheapFlushesNeverWait) {
  FlushPacer pacer(kMax);
  EXPECT_EQ(WaitAfterFlushesOf(absl::Microseconds(20), &pacer), absl::ZeroDuration());
}

TEST(FlushPacerTest, TheWindowGrowsWithTheCostUpToItsLimit) {
  FlushPacer pacer(kMax);
  const absl::Duration at_100_us = WaitAfterFlushesOf(absl::Microseconds(100), &pacer);
  const absl::Duration at_300_us = WaitAfterFlushesOf(absl::Microseconds(300), &pacer);
  EXPECT_GT(at_100_us, absl::ZeroDuration());
  EXPECT_GT(at_300_us, at_100_us);
  EXPECT_EQ(WaitAfterFlushesOf(absl::Milliseconds(3), &pacer), kMax);
}

TEST(FlushPacerTest, OneSlowFlushAmongCheapOnesIsSoonForgotten) {
  FlushPacer pacer(kMax);
  WaitAfterFlushesOf(absl::Microseconds(20), &pacer);
  EXPECT_GT(WaitAfterFlushesOf(absl::Milliseconds(4), &pacer, 1), absl::ZeroDuration());
  EXPECT_EQ(WaitAfterFlushesOf(absl::Microseconds(20), &pacer, 20), absl::ZeroDuration());
}

TEST(FlushPacerTest, NothingWaitsIfTheWindowIsZero) {
  FlushPacer pacer(absl::ZeroDuration());
  EXPECT_EQ(WaitAfterFlushesOf(absl::Milliseconds(3), &pacer), absl::ZeroDuration());
}

}  // namespace
}  // namespace carillon::facade
