#include "broker/delivery/log_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/log/memory_event_log.h"
#include "tests/unit/log/test_events.h"

namespace carillon::delivery {
namespace {

class LogReaderTest : public ::testing::Test {
 protected:
  LogReaderTest() {
    log::TestEvents events;
    for (int i = 1; i <= 5; ++i) events.Add(absl::StrCat(i), "", "fred", "{}");
    std::vector<log::AppendOutcome> outcomes(events.size());
    std::vector<log::EventBlockPtr> committed;
    EXPECT_TRUE(log_.Append(events.get(), absl::Now(), absl::MakeSpan(outcomes), &committed).ok());
  }

  log::MemoryEventLog log_{1};
};

TEST_F(LogReaderTest, AnswersInTheOrderOfTheCalls) {
  LogReader reader(&log_);
  std::vector<uint64_t> first_sequences;
  absl::BlockingCounter answers(5);
  for (uint64_t after = 0; after < 5; ++after) {
    reader.Read(after, 1, [&](absl::StatusOr<log::EventBlockPtr> block) {
      first_sequences.push_back((*block)->first_sequence());
      answers.DecrementCount();
    });
  }
  answers.Wait();
  EXPECT_THAT(first_sequences, ::testing::ElementsAre(1, 2, 3, 4, 5));
}

TEST_F(LogReaderTest, PassesOnWhatTheLogAnswers) {
  LogReader reader(&log_);
  absl::StatusOr<log::EventBlockPtr> answer = absl::UnknownError("none yet");
  absl::Notification answered;
  reader.Read(5, 100, [&](absl::StatusOr<log::EventBlockPtr> block) {
    answer = std::move(block);
    answered.Notify();
  });
  answered.WaitForNotification();
  ASSERT_TRUE(answer.ok());
  EXPECT_EQ(*answer, nullptr);
}

TEST_F(LogReaderTest, AnswersNothingAfterItWasStopped) {
  std::atomic<int> answers{0};
  absl::Notification reading, stopping;
  LogReader reader(&log_);
  reader.Read(0, 1, [&](const absl::StatusOr<log::EventBlockPtr>&) {
    reading.Notify();
    stopping.WaitForNotification();
    ++answers;
  });
  reading.WaitForNotification();
  reader.Read(0, 1, [&](const absl::StatusOr<log::EventBlockPtr>&) { ++answers; });
  stopping.Notify();
  reader.Stop();
  const int answers_at_stop = answers;
  EXPECT_GE(answers_at_stop, 1);
  reader.Read(0, 1, [&](const absl::StatusOr<log::EventBlockPtr>&) { ++answers; });
  reader.Stop();
  EXPECT_EQ(answers, answers_at_stop);
}

}  // namespace
}  // namespace carillon::delivery
