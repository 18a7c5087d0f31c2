#include "deploy/program/worker_pool.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <vector>

#include "absl/synchronization/notification.h"

namespace carillon::program {
namespace {

using Verdict = WorkerPool::Verdict;

TEST(WorkerPoolTest, RunsWhatItAccepts) {
  std::atomic<int> ran{0};
  WorkerPool pool("test", 3, 100);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(pool.TrySubmit([&ran] { ++ran; }), Verdict::kAccepted);
  }
  pool.Stop();
  EXPECT_EQ(ran, 100);
}

TEST(WorkerPoolTest, RefusesWhatWouldWaitBeyondItsBound) {
  absl::Notification release;
  std::vector<int> order;
  WorkerPool pool("test", 1, 2);
  ASSERT_EQ(pool.TrySubmit([&release] { release.WaitForNotification(); }), Verdict::kAccepted);
  EXPECT_EQ(pool.TrySubmit([&order] { order.push_back(1); }), Verdict::kAccepted);
  EXPECT_EQ(pool.TrySubmit([&order] { order.push_back(2); }), Verdict::kAccepted);

  WorkerPool::Task third = [&order] { order.push_back(3); };
  EXPECT_EQ(pool.TrySubmit(std::move(third)), Verdict::kFull);
  EXPECT_TRUE(third != nullptr);

  release.Notify();
  pool.Stop();
  EXPECT_THAT(order, testing::ElementsAre(1, 2));
}

TEST(WorkerPoolTest, WithNoWaitingPlacesTakesOnlyWhatAThreadIsFreeFor) {
  absl::Notification release;
  WorkerPool pool("test", 2, 0);
  EXPECT_EQ(pool.TrySubmit([&release] { release.WaitForNotification(); }), Verdict::kAccepted);
  EXPECT_EQ(pool.TrySubmit([&release] { release.WaitForNotification(); }), Verdict::kAccepted);
  EXPECT_EQ(pool.TrySubmit([] {}), Verdict::kFull);
  release.Notify();
}

TEST(WorkerPoolTest, RefusesAfterStop) {
  WorkerPool pool("test", 1, 10);
  pool.Stop();
  EXPECT_EQ(pool.TrySubmit([] {}), Verdict::kStopped);
}

TEST(WorkerPoolTest, RunsTasksThatCannotBeCopied) {
  std::atomic<int> value{0};
  WorkerPool pool("test", 1, 10);
  ASSERT_EQ(pool.TrySubmit([&value, number = std::make_unique<int>(7)] { value = *number; }),
            Verdict::kAccepted);
  pool.Stop();
  EXPECT_EQ(value, 7);
}

}  // namespace
}  // namespace carillon::program
