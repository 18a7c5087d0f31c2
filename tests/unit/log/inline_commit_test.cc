// What a committer does on the thread of whoever submits.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <deque>
#include <functional>
#include <thread>

#include "tests/unit/log/committer_fixture.h"

namespace carillon::log {
namespace {

using testing::ElementsAre;

TEST_F(CommitterTest, CommitsALoneSmallRequestOnTheThreadThatSubmitsIt) {
  Start(Inline());
  std::thread::id answered_by;
  ThreadOfPublisher::This().offers = true;
  ASSERT_EQ(committer_->Submit(Request({"a"},
                                       [&](const absl::Status& status, auto outcomes) {
                                         EXPECT_TRUE(status.ok());
                                         EXPECT_EQ(outcomes.size(), 1u);
                                         answered_by = std::this_thread::get_id();
                                       }),
                               nullptr),
            SubmitVerdict::kWhenIdle);
  ThreadOfPublisher::This().offers = false;
  EXPECT_EQ(answered_by, std::thread::id()) << "the caller may do something first";
  CommitWhatWasLeft();
  EXPECT_EQ(answered_by, std::this_thread::get_id());
  EXPECT_EQ(delivered_by_, std::this_thread::get_id());
  EXPECT_EQ(committer_->queue_bytes(), 0u);
  committer_->Shutdown();
  EXPECT_THAT(delivered_, ElementsAre("a"));
  EXPECT_THAT(threads_, ElementsAre(CommitOn::kThisThread));
}

TEST_F(CommitterTest, CommitsOnItsOwnThreadWhatNoOtherOffersToCommit) {
  Start(Inline());
  Answer answer;
  EXPECT_EQ(Submit({"a"}, &answer), SubmitVerdict::kAccepted);
  EXPECT_TRUE(answer.Await().ok());
  committer_->Shutdown();
  EXPECT_NE(delivered_by_, std::this_thread::get_id());
}

TEST_F(CommitterTest, CommitsALargeRequestOnItsOwnThread) {
  CommitterOptions options = Inline();
  options.inline_bytes_max = RequestBytes("a");
  Start(options);
  Answer large;
  ASSERT_FALSE(Offer({"a", "b"}, &large));
  ASSERT_TRUE(large.Await().ok());
  committer_->Shutdown();
  EXPECT_NE(delivered_by_, std::this_thread::get_id());
  EXPECT_THAT(threads_, ElementsAre(CommitOn::kOwnThread));
}

TEST_F(CommitterTest, LeavesWhatComesDuringAnInlineCommitToItsOwnThread) {
  Start(Inline());
  Answer first, a, b;
  log_.Hold();
  std::thread publisher([&] { SubmitAndCommit({"first"}, &first); });
  log_.AwaitAppends(1);
  // These do not wait for the log.
  EXPECT_FALSE(Offer({"a"}, &a));
  EXPECT_EQ(Submit({"b"}, &b), SubmitVerdict::kAccepted);
  EXPECT_FALSE(first.answered());
  log_.Release();
  publisher.join();
  for (Answer* answer : {&first, &a, &b}) EXPECT_TRUE(answer->Await().ok());
  EXPECT_THAT(log_.append_sizes(), ElementsAre(1, 2));
  committer_->Shutdown();
  EXPECT_THAT(delivered_, ElementsAre("first", "a", "b"));
  EXPECT_NE(delivered_by_, std::this_thread::get_id());
  EXPECT_THAT(threads_, ElementsAre(CommitOn::kThisThread, CommitOn::kOwnThread));
}

TEST_F(CommitterTest, TakesBackWhatWasLeftWhenAnotherRequestComes) {
  Start(Inline());
  Answer first, second;
  ASSERT_TRUE(Offer({"first"}, &first));
  const std::function<void()> left = ThreadOfPublisher::This().left;
  ASSERT_FALSE(Offer({"second"}, &second));
  EXPECT_TRUE(first.Await().ok());
  EXPECT_TRUE(second.Await().ok());
  left();
  EXPECT_THAT(log_.append_sizes(), ElementsAre(2));
  committer_->Shutdown();
  EXPECT_THAT(threads_, ElementsAre(CommitOn::kOwnThread));
}

TEST_F(CommitterTest, CommitsEarlyWhatWasLeftToAnotherWhenAnOldPromiseIsKept) {
  Start(Inline());
  Answer taken_back, other;
  ASSERT_TRUE(Offer({"taken back"}, &taken_back));
  const std::function<void()> old = ThreadOfPublisher::This().left;
  ASSERT_FALSE(Offer({"other"}, &other));
  ASSERT_TRUE(taken_back.Await().ok());
  ASSERT_TRUE(other.Await().ok());
  // Its own thread may not yet be done with them.
  std::deque<Answer> last(1);
  while (!Offer({"last"}, &last.back())) {
    ASSERT_TRUE(last.back().Await().ok());
    last.emplace_back();
  }
  old();
  EXPECT_TRUE(last.back().answered());
  CommitWhatWasLeft();
  EXPECT_EQ(committer_->queue_bytes(), 0u);
}

TEST_F(CommitterTest, LeavesNothingToAThreadAfterASlowAppend) {
  CommitterOptions options = Inline();
  options.inline_latency_max = absl::ZeroDuration();
  Start(options);
  Answer first, second;
  SubmitAndCommit({"first"}, &first);
  EXPECT_FALSE(Offer({"second"}, &second));
  EXPECT_TRUE(second.Await().ok());
}

TEST_F(CommitterTest, CommitsAtTheEndWhatIsStillLeft) {
  Start(Inline());
  Answer answer;
  ASSERT_TRUE(Offer({"a"}, &answer));
  committer_->Shutdown();
  EXPECT_TRUE(answer.answered());
  EXPECT_THAT(delivered_, ElementsAre("a"));
  CommitWhatWasLeft();
  EXPECT_THAT(log_.append_sizes(), ElementsAre(1));
}

TEST_F(CommitterTest, ShutsDownAfterAnInlineCommit) {
  Start(Inline());
  Answer first, accepted;
  log_.Hold();
  std::thread publisher([&] { SubmitAndCommit({"first"}, &first); });
  log_.AwaitAppends(1);
  EXPECT_EQ(Submit({"accepted"}, &accepted), SubmitVerdict::kAccepted);
  std::thread shutdown([this] { committer_->Shutdown(); });
  AwaitClosed();
  EXPECT_FALSE(first.answered());
  log_.Release();
  shutdown.join();
  publisher.join();
  EXPECT_TRUE(first.answered());
  EXPECT_TRUE(accepted.answered());
  EXPECT_THAT(delivered_, ElementsAre("first", "accepted"));
}

TEST_F(CommitterTest, TrimsAtOnceWhenAnInlineAppendFailed) {
  CommitterOptions options = Inline();
  options.trim_interval = absl::Hours(24);
  Start(options);
  log_.AwaitTrimSteps(1);
  log_.FailWith(absl::ResourceExhaustedError("log full"));
  Answer answer;
  SubmitAndCommit({"a"}, &answer);
  EXPECT_EQ(answer.Await().message(), "log full");
  log_.AwaitTrimSteps(2);
}

}  // namespace
}  // namespace carillon::log
