#include "broker/access/password_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "absl/synchronization/blocking_counter.h"
#include "absl/synchronization/notification.h"
#include "carillon/wire/error.h"
#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

constexpr ScryptCost kCheap = {.log2_n = 4, .r = 1, .p = 1};

class PasswordCheckerTest : public ::testing::Test {
 protected:
  PasswordCheckerTest() {
    options_.cost = kCheap;
    options_.clock = [this] { return clock_.Now(); };
  }

  void Start() { checker_ = std::make_unique<PasswordChecker>(options_); }

  absl::StatusOr<bool> Check(const std::string& user, const std::string& password,
                             const std::string& phc) {
    absl::StatusOr<bool> answer;
    absl::Notification done;
    checker_->Check(user, password, phc, [&](absl::StatusOr<bool> matches) {
      answer = std::move(matches);
      done.Notify();
    });
    done.WaitForNotification();
    return answer;
  }

  // Keeps the only hashing thread busy until Release.
  void Occupy() {
    absl::Notification begun;
    checker_->Check("occupier", "x", "", [&begun, this](const absl::StatusOr<bool>&) {
      begun.Notify();
      release_.WaitForNotification();
    });
    begun.WaitForNotification();
  }
  void Release() { release_.Notify(); }

  // Takes part in a check whose answer is of no interest yet; counts answers.
  void Ask(const std::string& user, const std::string& password, const std::string& phc) {
    checker_->Check(user, password, phc, [this](const absl::StatusOr<bool>& answer) {
      absl::MutexLock lock(&mu_);
      answers_.push_back(answer);
    });
  }
  std::vector<absl::StatusOr<bool>> AwaitAnswers(size_t count) {
    absl::MutexLock lock(&mu_);
    const auto there = [this, count]()
                           ABSL_SHARED_LOCKS_REQUIRED(mu_) { return answers_.size() >= count; };
    EXPECT_TRUE(mu_.AwaitWithTimeout(absl::Condition(&there), absl::Seconds(30)));
    return answers_;
  }
  size_t answer_count() {
    absl::MutexLock lock(&mu_);
    return answers_.size();
  }

  TestClock clock_;
  PasswordCheckerOptions options_;
  absl::Mutex mu_;
  std::vector<absl::StatusOr<bool>> answers_ ABSL_GUARDED_BY(mu_);
  absl::Notification release_;
  // Last: its thread uses the above.
  std::unique_ptr<PasswordChecker> checker_;
};

const std::string& GoodHash() {
  static const std::string* const hash = new std::string(HashPassword("good password", kCheap));
  return *hash;
}

TEST_F(PasswordCheckerTest, TellsRightFromWrong) {
  Start();
  EXPECT_EQ(Check("ann", "good password", GoodHash()).value(), true);
  EXPECT_EQ(Check("ann", "bad password", GoodHash()).value(), false);
}

TEST_F(PasswordCheckerTest, DoesTheSameWorkForAnUnknownUserAndNeverAgrees) {
  Start();
  EXPECT_EQ(Check("nobody", "good password", "").value(), false);
  EXPECT_EQ(checker_->hash_count(), 1);
}

TEST_F(PasswordCheckerTest, RemembersAGoodPasswordForAWhile) {
  Start();
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(*Check("ann", "good password", GoodHash()));
  EXPECT_EQ(checker_->hash_count(), 1);
  clock_.Advance(options_.memory);
  ASSERT_TRUE(*Check("ann", "good password", GoodHash()));
  EXPECT_EQ(checker_->hash_count(), 2);
}

TEST_F(PasswordCheckerTest, NeverRemembersABadPassword) {
  Start();
  for (int i = 0; i < 3; ++i) ASSERT_FALSE(*Check("ann", "bad password", GoodHash()));
  EXPECT_EQ(checker_->hash_count(), 3);
}

TEST_F(PasswordCheckerTest, ForgetsWhenTheStoredHashChanges) {
  Start();
  ASSERT_TRUE(*Check("ann", "good password", GoodHash()));
  const std::string other = HashPassword("another password", kCheap);
  EXPECT_FALSE(*Check("ann", "good password", other));
  EXPECT_FALSE(*Check("ann", "good password", ""));
}

TEST_F(PasswordCheckerTest, RemembersForThatUserOnly) {
  Start();
  ASSERT_TRUE(*Check("ann", "good password", GoodHash()));
  ASSERT_TRUE(*Check("bob", "good password", GoodHash()));
  EXPECT_EQ(checker_->hash_count(), 2);
}

TEST_F(PasswordCheckerTest, ManyWhoAskTheSameWaitForOneHash) {
  Start();
  Occupy();
  for (int i = 0; i < 100; ++i) Ask("ann", "good password", GoodHash());
  Release();
  for (const auto& answer : AwaitAnswers(100)) EXPECT_TRUE(answer.value());
  EXPECT_EQ(checker_->hash_count(), 2);
}

TEST_F(PasswordCheckerTest, CallersOfOneHashAreLimited) {
  options_.callers_per_check_max = 3;
  Start();
  Occupy();
  for (int i = 0; i < 4; ++i) Ask("ann", "good password", GoodHash());
  ASSERT_EQ(answer_count(), 1u);
  EXPECT_EQ(ReasonOf(AwaitAnswers(1).front().status()), "PASSWORD_CHECKS_BUSY");
  Release();
}

TEST_F(PasswordCheckerTest, RefusesMoreThanMayWaitAndSaysWhenToRetry) {
  options_.waiting_max = 8;
  Start();
  Occupy();
  for (int i = 0; i < 8; ++i) Ask("user" + std::to_string(i), "x", "");
  ASSERT_EQ(answer_count(), 0u);
  Ask("one too many", "x", "");
  const auto refused = AwaitAnswers(1).front();
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(refused.status()), "PASSWORD_CHECKS_BUSY");
  EXPECT_TRUE(wire::RetryDelayOf(refused.status()).has_value());
  Release();
  AwaitAnswers(9);
}

TEST_F(PasswordCheckerTest, GuessingAtOneAccountLeavesRoomForOthers) {
  options_.waiting_max = 8;
  Start();
  Occupy();
  for (int i = 0; i < 100; ++i) Ask("victim", "guess" + std::to_string(i), GoodHash());
  EXPECT_EQ(answer_count(), 97u);
  Ask("ann", "good password", GoodHash());
  EXPECT_EQ(answer_count(), 97u);
  Release();
  EXPECT_TRUE(AwaitAnswers(101).back().value());
}

TEST_F(PasswordCheckerTest, HashesNewPasswordsInTurn) {
  Start();
  const auto phc = checker_->Hash("new password");
  ASSERT_TRUE(phc.ok());
  EXPECT_TRUE(*Check("ann", "new password", *phc));
}

TEST_F(PasswordCheckerTest, LoginsLeaveAPlaceForNewPasswords) {
  options_.waiting_max = 4;
  Start();
  Occupy();
  for (int i = 0; i < 100; ++i) Ask("user" + std::to_string(i), "guess", "");
  EXPECT_EQ(answer_count(), 96u);
  absl::StatusOr<std::string> phc;
  std::thread administrator([&] { phc = checker_->Hash("new password"); });
  const absl::Time deadline = absl::Now() + absl::Seconds(30);
  while (checker_->waiting() < 5 && absl::Now() < deadline) std::this_thread::yield();
  EXPECT_EQ(checker_->waiting(), 5u);
  Release();
  administrator.join();
  EXPECT_TRUE(phc.ok()) << phc.status();
  AwaitAnswers(100);
}

TEST_F(PasswordCheckerTest, StoppedItAnswersThoseWhoWaitWithoutHashing) {
  Start();
  Occupy();
  Ask("ann", "good password", GoodHash());
  checker_->Stop();
  Release();
  EXPECT_EQ(AwaitAnswers(1).front().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(checker_->hash_count(), 1);
  EXPECT_EQ(Check("ann", "good password", GoodHash()).status().code(),
            absl::StatusCode::kUnavailable);
  EXPECT_EQ(checker_->Hash("new password").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace carillon::access
