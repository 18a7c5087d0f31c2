#include "src/retry.h"

#include <gtest/gtest.h>

#include <set>

#include "absl/synchronization/notification.h"
#include "carillon/wire/error.h"
#include "src/event_ids.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::client {
namespace {

absl::Status Unavailable() { return absl::UnavailableError("the test says so"); }

TEST(BackoffTest, WaitsTwiceAsLongEachTimeUpToItsLimitLessUpToHalf) {
  Backoff backoff(absl::Milliseconds(100), absl::Milliseconds(1000));
  for (int round = 0; round < 2; ++round) {
    for (int full_ms : {100, 200, 400, 800, 1000, 1000}) {
      const absl::Duration wait = backoff.Next(Unavailable(), absl::UnixEpoch());
      EXPECT_LE(wait, absl::Milliseconds(full_ms));
      EXPECT_GE(wait, absl::Milliseconds(full_ms) / 2);
    }
    backoff.Reset();
  }
}

TEST(BackoffTest, BeginsAnewAfterWhatLastedLongerThanItsLimit) {
  const absl::Duration min = absl::Milliseconds(100), max = absl::Seconds(1);
  Backoff backoff(min, max);
  absl::Time now = absl::UnixEpoch();
  for (int i = 0; i < 10; ++i) now += backoff.Next(Unavailable(), now);
  now += max;
  EXPECT_GE(backoff.Next(Unavailable(), now), max / 2);
  now += 2 * max + absl::Milliseconds(1);
  EXPECT_LE(backoff.Next(Unavailable(), now), min);
}

TEST(BackoffTest, HeedsTheDelayThatTheBrokerAsksForUpToItsLimit) {
  Backoff backoff(absl::Milliseconds(1), absl::Seconds(5));
  const absl::Status busy = absl::ResourceExhaustedError("busy");
  EXPECT_EQ(backoff.Next(wire::WithRetry(busy, absl::Seconds(2))), absl::Seconds(2));
  EXPECT_EQ(backoff.Next(wire::WithRetry(busy, absl::Hours(2))), absl::Seconds(5));
}

TEST(TimerTest, RunsAfterItsDelayAndAtOnceWhenCancelled) {
  Timer timer;
  absl::Notification first;
  timer.Set(absl::ZeroDuration(), [&first] { first.Notify(); });
  EXPECT_TRUE(first.WaitForNotificationWithTimeout(kTestDeadline));
  absl::Notification second;
  timer.Set(absl::Hours(1), [&second] { second.Notify(); });
  timer.Cancel();
  EXPECT_TRUE(second.WaitForNotificationWithTimeout(kTestDeadline));
}

TEST(EventIdsTest, GrowAndNeverMeetThoseOfAnother) {
  EventIds one;
  EventIds other;
  std::set<std::string> seen;
  std::string last;
  for (int i = 0; i < 1000; ++i) {
    const std::string id = one.Next();
    EXPECT_LT(last, id);
    EXPECT_LE(id.size(), 128u);
    EXPECT_TRUE(seen.insert(id).second);
    EXPECT_TRUE(seen.insert(other.Next()).second);
    last = id;
  }
}

}  // namespace
}  // namespace carillon::client
