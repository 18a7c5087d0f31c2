// A committer with a log that can be held.
#ifndef CARILLON_TESTS_UNIT_LOG_COMMITTER_FIXTURE_H_
#define CARILLON_TESTS_UNIT_LOG_COMMITTER_FIXTURE_H_

#include <gtest/gtest.h>

#include <functional>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "broker/log/committer.h"
#include "tests/unit/log/committer_doubles.h"
#include "tests/unit/log/test_events.h"

namespace carillon::log {

// What a committer has left to this thread, which lets it do so while `offers` is true.
struct ThreadOfPublisher {
  bool offers = false;
  std::function<void()> left;

  static ThreadOfPublisher& This() {
    static thread_local ThreadOfPublisher thread;
    return thread;
  }
};

class CommitterTest : public testing::Test {
 protected:
  void Start(CommitterOptions options = {}) {
    committer_.emplace(
        &log_, options,
        [this](std::vector<EventBlockPtr> blocks, CommitOn thread) {
          delivered_by_ = std::this_thread::get_id();
          threads_.push_back(thread);
          for (const EventBlockPtr& block : blocks) {
            for (std::string& key : KeysOf(*block)) delivered_.push_back(std::move(key));
          }
        },
        &recorder_);
  }

  static CommitRequest Request(const std::vector<std::string>& keys, CommitRequest::Done done) {
    CommitRequest request;
    request.publisher = "fred";
    for (const std::string& key : keys) {
      const std::string record = MakeRecord(key);
      request.events.push_back(
          {static_cast<uint32_t>(request.records.size()), static_cast<uint32_t>(record.size()), 0});
      request.records += record;
    }
    request.done = std::move(done);
    return request;
  }

  SubmitVerdict Submit(const std::vector<std::string>& keys, Answer* answer) {
    return committer_->Submit(Request(keys, answer->done()), nullptr);
  }
  // Submits, lets the commit be left to this thread, and says whether it was.
  bool Offer(const std::vector<std::string>& keys, Answer* answer) {
    ThreadOfPublisher& thread = ThreadOfPublisher::This();
    thread.offers = true;
    thread.left = nullptr;
    const SubmitVerdict verdict = Submit(keys, answer);
    thread.offers = false;
    const bool left = thread.left != nullptr;
    EXPECT_EQ(verdict, left ? SubmitVerdict::kWhenIdle : SubmitVerdict::kAccepted);
    return left;
  }
  static void CommitWhatWasLeft() { std::exchange(ThreadOfPublisher::This().left, nullptr)(); }
  void SubmitAndCommit(const std::vector<std::string>& keys, Answer* answer) {
    ASSERT_TRUE(Offer(keys, answer));
    CommitWhatWasLeft();
  }

  // Submits `key` and waits until it is being appended, which it is until log_.Release().
  void HoldWith(const std::string& key, Answer* answer) {
    log_.Hold();
    ASSERT_EQ(Submit({key}, answer), SubmitVerdict::kAccepted);
    log_.AwaitAppends(1);
  }

  static CommitterOptions Inline() {
    CommitterOptions options;
    options.when_idle = [](std::function<void()> work) {
      ThreadOfPublisher& thread = ThreadOfPublisher::This();
      if (thread.offers) thread.left = std::move(work);
      return thread.offers;
    };
    return options;
  }
  // Until another thread has begun to shut the committer down.
  void AwaitClosed() {
    const auto ignore = [](const absl::Status&, absl::Span<const AppendOutcome>) {};
    while (committer_->Submit(Request({}, ignore), nullptr) != SubmitVerdict::kClosed) {
    }
  }

  static size_t RequestBytes(const std::string& key) { return Request({key}, nullptr).bytes(); }

  HeldLog log_;
  Recorder recorder_;
  // Written by the thread that commits; read these after Shutdown.
  std::vector<std::string> delivered_;
  std::vector<CommitOn> threads_;
  std::thread::id delivered_by_;
  std::optional<Committer> committer_;
};

}  // namespace carillon::log

#endif  // CARILLON_TESTS_UNIT_LOG_COMMITTER_FIXTURE_H_
