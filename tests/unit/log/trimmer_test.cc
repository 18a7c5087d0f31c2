#include "broker/log/trimmer.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/log/committer_doubles.h"
#include "tests/unit/log/test_events.h"

namespace carillon::log {
namespace {

class TrimmerTest : public testing::Test {
 protected:
  TrimmerTest() {
    TestEvents events;
    for (int i = 0; i < 1000; ++i) events.Add(absl::StrCat(i));
    std::vector<AppendOutcome> outcomes(events.size());
    std::vector<EventBlockPtr> committed;
    EXPECT_TRUE(log_.Append(events.get(), now_, absl::MakeSpan(outcomes), &committed).ok());
  }

  void Start(Retention retention, absl::Duration interval) {
    trimmer_.emplace(&log_, TrimmerOptions{retention, interval, [this] { return now_; }},
                     [this](const absl::Status& status) {
                       failure_ = status;
                       failed_.Notify();
                     });
  }

  const absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  HeldLog log_;
  absl::Status failure_;
  absl::Notification failed_;
  std::optional<Trimmer> trimmer_;
};

TEST_F(TrimmerTest, GoesOnWithoutAPauseWhileThereIsMore) {
  Start({absl::InfiniteDuration(), 0}, absl::Hours(24));
  // 100 events a step.
  log_.AwaitTrimSteps(10);
  trimmer_.reset();
  EXPECT_EQ(log_.bounds().first_sequence, 1001u);
  EXPECT_EQ(log_.trim_steps(), 10);
}

TEST_F(TrimmerTest, LooksAgainAfterTheInterval) {
  Start({}, absl::Milliseconds(1));
  log_.AwaitTrimSteps(5);
  EXPECT_EQ(log_.bounds().first_sequence, 1u);
}

TEST_F(TrimmerTest, LooksWhenItIsWoken) {
  Start({}, absl::Hours(24));
  log_.AwaitTrimSteps(1);
  trimmer_->Wake();
  log_.AwaitTrimSteps(2);
}

TEST_F(TrimmerTest, CountsAgesByItsClock) {
  Start({absl::ZeroDuration(), UINT64_MAX}, absl::Hours(24));
  log_.AwaitTrimSteps(1);
  trimmer_.reset();
  EXPECT_EQ(log_.bounds().first_sequence, 1u) << "no event is older than nothing";
}

TEST_F(TrimmerTest, TellsOfAFailureAndTriesAgainOnlyAfterTheInterval) {
  log_.FailTrimWith(absl::InternalError("disk broken"));
  Start({absl::InfiniteDuration(), 0}, absl::Hours(24));
  failed_.WaitForNotification();
  trimmer_.reset();
  EXPECT_EQ(failure_.message(), "disk broken");
  EXPECT_EQ(log_.trim_steps(), 1);
}

// There is always more to trim.
class EndlessLog : public HeldLog {
 public:
  absl::StatusOr<bool> TrimStep(const Retention& retention, absl::Time now) override {
    HeldLog::TrimStep(retention, now).IgnoreError();
    return true;
  }
};

TEST(Trimmer, EndsThoughThereIsMore) {
  EndlessLog log;
  Trimmer trimmer(&log, {}, [](const absl::Status&) {});
  log.AwaitTrimSteps(3);
}

}  // namespace
}  // namespace carillon::log
