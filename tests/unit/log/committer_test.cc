#include "broker/log/committer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <optional>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/log/committer_fixture.h"
#include "tests/unit/log/test_events.h"

namespace carillon::log {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

TEST_F(CommitterTest, AnswersEachRequestWithTheOutcomesOfItsEvents) {
  Start();
  Answer first, second;
  ASSERT_EQ(Submit({"a", "b"}, &first), SubmitVerdict::kAccepted);
  ASSERT_TRUE(first.Await().ok());
  ASSERT_EQ(Submit({"c"}, &second), SubmitVerdict::kAccepted);
  ASSERT_TRUE(second.Await().ok());
  ASSERT_EQ(first.outcomes().size(), 2u);
  EXPECT_EQ(first.outcomes()[0].sequence, 1u);
  EXPECT_EQ(first.outcomes()[1].sequence, 2u);
  ASSERT_EQ(second.outcomes().size(), 1u);
  EXPECT_EQ(second.outcomes()[0].sequence, 3u);
  committer_->Shutdown();
  EXPECT_THAT(delivered_, ElementsAre("a", "b", "c"));
}

TEST_F(CommitterTest, CommitsInOneAppendWhatWasSubmittedDuringTheOneBefore) {
  Start();
  Answer first, a, b, c;
  HoldWith("first", &first);
  EXPECT_EQ(Submit({"a1", "a2"}, &a), SubmitVerdict::kAccepted);
  EXPECT_EQ(Submit({"b"}, &b), SubmitVerdict::kAccepted);
  EXPECT_EQ(Submit({"c"}, &c), SubmitVerdict::kAccepted);
  EXPECT_FALSE(first.answered());
  log_.Release();
  for (Answer* answer : {&first, &a, &b, &c}) EXPECT_TRUE(answer->Await().ok());
  EXPECT_THAT(log_.append_sizes(), ElementsAre(1, 4));
  EXPECT_EQ(a.outcomes()[1].sequence, 3u);
  EXPECT_EQ(b.outcomes()[0].sequence, 4u);
  EXPECT_EQ(c.outcomes()[0].sequence, 5u);
  committer_->Shutdown();
  EXPECT_THAT(delivered_, ElementsAre("first", "a1", "a2", "b", "c"));
}

TEST_F(CommitterTest, TakesNoMoreEventsIntoACommitThanTheLimit) {
  CommitterOptions options;
  options.commit_events_max = 3;
  Start(options);
  Answer first, a, b, c;
  HoldWith("first", &first);
  EXPECT_EQ(Submit({"a1", "a2"}, &a), SubmitVerdict::kAccepted);
  EXPECT_EQ(Submit({"b1", "b2"}, &b), SubmitVerdict::kAccepted);
  EXPECT_EQ(Submit({"c1", "c2", "c3", "c4"}, &c), SubmitVerdict::kAccepted);
  log_.Release();
  EXPECT_TRUE(c.Await().ok());
  EXPECT_THAT(log_.append_sizes(), ElementsAre(1, 2, 2, 4));
}

TEST_F(CommitterTest, TakesNoMoreBytesIntoACommitThanTheLimit) {
  CommitterOptions options;
  options.commit_bytes_max = 2 * RequestBytes("x") + 1;
  Start(options);
  Answer first, a, b, c;
  HoldWith("f", &first);
  EXPECT_EQ(Submit({"a"}, &a), SubmitVerdict::kAccepted);
  EXPECT_EQ(Submit({"b"}, &b), SubmitVerdict::kAccepted);
  EXPECT_EQ(Submit({"c"}, &c), SubmitVerdict::kAccepted);
  log_.Release();
  EXPECT_TRUE(c.Await().ok());
  EXPECT_THAT(log_.append_sizes(), ElementsAre(1, 2, 1));
}

TEST_F(CommitterTest, RefusesWhatHasNoRoomAndTellsWhenThereIs) {
  CommitterOptions options;
  options.queue_bytes_max = 2 * RequestBytes("x");
  Start(options);
  Answer first, second, third;
  HoldWith("f", &first);
  ASSERT_EQ(Submit({"s"}, &second), SubmitVerdict::kAccepted);
  EXPECT_EQ(committer_->queue_bytes(), options.queue_bytes_max);

  CommitRequest request = Request({"t"}, third.done());
  absl::Notification room;
  ASSERT_EQ(committer_->Submit(std::move(request), [&room] { room.Notify(); }),
            SubmitVerdict::kFull);
  EXPECT_EQ(request.events.size(), 1u) << "the request is still the caller's";
  EXPECT_FALSE(room.HasBeenNotified());
  log_.Release();
  room.WaitForNotification();
  ASSERT_EQ(committer_->Submit(std::move(request), nullptr), SubmitVerdict::kAccepted);
  EXPECT_TRUE(third.Await().ok());
  committer_->Shutdown();
  EXPECT_EQ(committer_->queue_bytes(), 0u);
  EXPECT_THAT(delivered_, ElementsAre("f", "s", "t"));
}

TEST_F(CommitterTest, AcceptsARequestLargerThanTheQueueWhenThereIsNoOther) {
  CommitterOptions options;
  options.queue_bytes_max = 1;
  Start(options);
  Answer answer, second;
  HoldWith("larger than one byte", &answer);
  EXPECT_EQ(Submit({"s"}, &second), SubmitVerdict::kFull);
  log_.Release();
  EXPECT_TRUE(answer.Await().ok());
}

TEST_F(CommitterTest, TellsAllWhoWaitOnceTheQueueIsEmpty) {
  CommitterOptions options;
  options.queue_bytes_max = 1;
  Start(options);
  Answer first;
  HoldWith("f", &first);
  std::vector<absl::Notification> rooms(3);
  for (absl::Notification& room : rooms) {
    ASSERT_EQ(committer_->Submit(Request({"x"}, nullptr), [&room] { room.Notify(); }),
              SubmitVerdict::kFull);
  }
  log_.Release();
  // None of them submits, as if their streams had ended meanwhile: the next must hear all the same.
  for (absl::Notification& room : rooms) room.WaitForNotification();
}

TEST_F(CommitterTest, LetsAWaiterSubmitFromWithinItsCallback) {
  CommitterOptions options;
  options.queue_bytes_max = 1;
  Start(options);
  Answer first, second;
  HoldWith("f", &first);
  ASSERT_EQ(
      committer_->Submit(Request({"s"}, nullptr),
                         [&] { EXPECT_EQ(Submit({"s"}, &second), SubmitVerdict::kAccepted); }),
      SubmitVerdict::kFull);
  log_.Release();
  EXPECT_TRUE(second.Await().ok());
}

TEST_F(CommitterTest, GivesAFailureToEveryRequestOfTheCommitAndGoesOn) {
  Start();
  Answer first, a, b, later;
  HoldWith("first", &first);
  ASSERT_EQ(Submit({"a"}, &a), SubmitVerdict::kAccepted);
  ASSERT_EQ(Submit({"b"}, &b), SubmitVerdict::kAccepted);
  log_.FailWith(absl::ResourceExhaustedError("disk full"));
  log_.Release();
  for (Answer* answer : {&first, &a, &b}) {
    EXPECT_EQ(answer->Await().code(), absl::StatusCode::kResourceExhausted);
    EXPECT_THAT(answer->Await().message(), HasSubstr("disk full"));
    EXPECT_THAT(answer->outcomes(), IsEmpty());
  }
  log_.FailWith(absl::OkStatus());
  ASSERT_EQ(Submit({"later"}, &later), SubmitVerdict::kAccepted);
  EXPECT_TRUE(later.Await().ok());
  EXPECT_EQ(later.outcomes()[0].sequence, 1u);
  committer_->Shutdown();
  EXPECT_THAT(delivered_, ElementsAre("later"));
  EXPECT_EQ(committer_->queue_bytes(), 0u);
}

TEST_F(CommitterTest, CommitsAndAnswersWhatItAcceptedBeforeItShutsDown) {
  Start();
  Answer first, accepted, refused;
  HoldWith("first", &first);
  ASSERT_EQ(Submit({"accepted"}, &accepted), SubmitVerdict::kAccepted);
  std::thread shutdown([this] { committer_->Shutdown(); });
  AwaitClosed();
  EXPECT_EQ(Submit({"refused"}, &refused), SubmitVerdict::kClosed);
  log_.Release();
  shutdown.join();
  EXPECT_TRUE(first.answered());
  EXPECT_TRUE(accepted.answered());
  EXPECT_TRUE(accepted.Await().ok());
  EXPECT_FALSE(refused.answered());
}

TEST_F(CommitterTest, TellsThoseWhoWaitForRoomThatItIsClosed) {
  CommitterOptions options;
  options.queue_bytes_max = 1;
  Start(options);
  Answer first;
  HoldWith("f", &first);
  std::optional<SubmitVerdict> verdict;
  ASSERT_EQ(
      committer_->Submit(Request({"w"}, nullptr),
                         [&] { verdict = committer_->Submit(Request({"w"}, nullptr), nullptr); }),
      SubmitVerdict::kFull);
  std::thread shutdown([this] { committer_->Shutdown(); });
  AwaitClosed();
  log_.Release();
  shutdown.join();
  EXPECT_EQ(verdict, SubmitVerdict::kClosed);
}

TEST_F(CommitterTest, AcknowledgesBeforeItHandsOnAndWaitsForTheSink) {
  absl::Notification sink_may_return;
  std::atomic<bool> answered_before_sink{false};
  std::atomic<size_t> appends_during_sink{0};
  Answer first, second;
  committer_.emplace(
      &log_, CommitterOptions{},
      [&](std::vector<EventBlockPtr>, CommitOn) {
        answered_before_sink = first.answered();
        sink_may_return.WaitForNotification();
        if (appends_during_sink == 0) appends_during_sink = log_.append_sizes().size();
      },
      nullptr);
  ASSERT_EQ(Submit({"a"}, &first), SubmitVerdict::kAccepted);
  EXPECT_TRUE(first.Await().ok());
  ASSERT_EQ(Submit({"b"}, &second), SubmitVerdict::kAccepted);
  sink_may_return.Notify();
  EXPECT_TRUE(second.Await().ok());
  committer_->Shutdown();
  EXPECT_TRUE(answered_before_sink);
  EXPECT_EQ(appends_during_sink, 1u);
}

TEST_F(CommitterTest, PassesOnPublisherAndEventId) {
  Start();
  Answer first, second;
  for (Answer* answer : {&first, &second}) {
    CommitRequest request;
    request.publisher = "fred";
    request.records = "junk before" + MakeRecord("a", "id-1");
    request.events.push_back({11, static_cast<uint32_t>(request.records.size() - 11), 4});
    request.done = answer->done();
    ASSERT_EQ(committer_->Submit(std::move(request), nullptr), SubmitVerdict::kAccepted);
    ASSERT_TRUE(answer->Await().ok());
  }
  EXPECT_FALSE(first.outcomes()[0].duplicate);
  EXPECT_TRUE(second.outcomes()[0].duplicate);
  EXPECT_EQ(second.outcomes()[0].sequence, 1u);
}

TEST_F(CommitterTest, ReportsEachCommit) {
  CommitterOptions options;
  const absl::Time now = absl::FromUnixSeconds(1'700'000'000);
  options.clock = [now] { return now; };
  Start(options);
  Answer first;
  ASSERT_EQ(Submit({"a", "b"}, &first), SubmitVerdict::kAccepted);
  committer_->Shutdown();
  const std::vector<CommitReport> reports = recorder_.reports();
  ASSERT_EQ(reports.size(), 1u);
  EXPECT_EQ(reports[0].requests, 1u);
  EXPECT_EQ(reports[0].events, 2u);
  EXPECT_EQ(reports[0].duplicates, 0u);
  EXPECT_EQ(reports[0].record_bytes, 2 * MakeRecord("a").size());
  EXPECT_GT(reports[0].latency, absl::ZeroDuration());
  EXPECT_TRUE(reports[0].status.ok());
  EXPECT_THAT(log_.append_times(), ElementsAre(now));
}

TEST_F(CommitterTest, ReportsACommitThatFailed) {
  Start();
  log_.FailWith(absl::ResourceExhaustedError("disk full"));
  Answer answer;
  ASSERT_EQ(Submit({"a"}, &answer), SubmitVerdict::kAccepted);
  committer_->Shutdown();
  ASSERT_EQ(recorder_.reports().size(), 1u);
  EXPECT_EQ(recorder_.reports()[0].status.code(), absl::StatusCode::kResourceExhausted);
}

TEST_F(CommitterTest, TrimsDuringACommit) {
  CommitterOptions options;
  options.trim_interval = absl::Milliseconds(1);
  Start(options);
  Answer answer;
  HoldWith("a", &answer);
  log_.AwaitTrimSteps(log_.trim_steps() + 10);
  EXPECT_FALSE(answer.answered());
  log_.Release();
  EXPECT_TRUE(answer.Await().ok());
}

TEST_F(CommitterTest, TrimsAtOnceWhenAnAppendFailed) {
  CommitterOptions options;
  options.trim_interval = absl::Hours(24);
  Start(options);
  log_.AwaitTrimSteps(1);
  log_.FailWith(absl::ResourceExhaustedError("log full"));
  Answer answer;
  ASSERT_EQ(Submit({"a"}, &answer), SubmitVerdict::kAccepted);
  log_.AwaitTrimSteps(2);
}

TEST_F(CommitterTest, TrimsAtOnceWhenTheLogWantsIt) {
  CommitterOptions options;
  options.trim_interval = absl::Hours(24);
  Start(options);
  log_.AwaitTrimSteps(1);
  log_.WantTrimStep();
  Answer answer;
  ASSERT_EQ(Submit({"a"}, &answer), SubmitVerdict::kAccepted);
  log_.AwaitTrimSteps(2);
}

TEST_F(CommitterTest, ReportsThatItCouldNotTrimAndGoesOn) {
  log_.FailTrimWith(absl::InternalError("disk broken"));
  Start();
  EXPECT_EQ(recorder_.AwaitTrimFailure().message(), "disk broken");
  Answer answer;
  ASSERT_EQ(Submit({"a"}, &answer), SubmitVerdict::kAccepted);
  EXPECT_TRUE(answer.Await().ok());
}

class CommitterLoadTest : public CommitterTest, public testing::WithParamInterface<bool> {};

INSTANTIATE_TEST_SUITE_P(Inline, CommitterLoadTest, testing::Bool());

TEST_P(CommitterLoadTest, LosesAndMixesNothingWhenManySubmitAtOnce) {
  constexpr int kThreads = 4;
  constexpr int kRequests = 500;
  CommitterOptions options = GetParam() ? Inline() : CommitterOptions();
  options.queue_bytes_max = 20 * RequestBytes("0-000");
  Start(options);
  std::atomic<int> answered{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < kThreads; ++thread) {
    threads.emplace_back([&, thread] {
      for (int i = 0; i < kRequests;) {
        absl::Notification room;
        CommitRequest request =
            Request({absl::StrCat(thread, "-", i)},
                    [&answered](const absl::Status& status, absl::Span<const AppendOutcome>) {
                      if (status.ok()) ++answered;
                    });
        ThreadOfPublisher& publisher = ThreadOfPublisher::This();
        publisher.offers = true;
        const SubmitVerdict verdict =
            committer_->Submit(std::move(request), [&room] { room.Notify(); });
        if (verdict == SubmitVerdict::kFull) {
          room.WaitForNotification();
          continue;
        }
        if (publisher.left != nullptr) CommitWhatWasLeft();
        ++i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  committer_->Shutdown();
  EXPECT_EQ(answered, kThreads * kRequests);
  EXPECT_EQ(delivered_.size(), static_cast<size_t>(kThreads * kRequests));
  for (int thread = 0; thread < kThreads; ++thread) {
    int next = 0;
    for (const std::string& key : delivered_) {
      if (key[0] - '0' != thread) continue;
      EXPECT_EQ(key, absl::StrCat(thread, "-", next++));
    }
  }
}

}  // namespace
}  // namespace carillon::log
