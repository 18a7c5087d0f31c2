#include "wsfacade/hub/replays.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::facade {
namespace {

using client::FakeBroker;
using client::FakeSubscribe;
using client::kTestDeadline;
using ::testing::ElementsAre;

// A websocket that wants a replay; everything on its thread.
class Sink : public ReplaySink {
 public:
  Sink(Replays* replays, IoThread* thread, bool starts = true)
      : replays_(replays), thread_(thread), starts_(starts) {}

  void Request() {
    Run([this] { ticket_ = replays_->Request(thread_, this); });
  }
  void GiveUp() {
    Run([this] { ticket_ = ReplayTicket(); });
  }

  void OnReplayGranted() override {
    Note("granted");
    if (!starts_) return;
    client::ReplayOptions options;
    options.subscriptions.emplace_back().set_subscription_id(1);
    ticket_.Start(std::move(options));
  }
  void OnReplayed(std::shared_ptr<const EventFrames> frames) override {
    Note(std::string(frames->position_of(0)));
    ticket_.Next();
  }
  void OnReplayEnded(const absl::Status& status) override {
    Note(absl::StatusCodeToString(status.code()));
  }

  bool Await(const std::string& line) {
    absl::MutexLock lock(&mu_);
    const auto there = [&]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    };
    return mu_.AwaitWithTimeout(absl::Condition(&there), kTestDeadline);
  }
  std::vector<std::string> lines() {
    // What was posted before is done.
    Run([] {});
    absl::MutexLock lock(&mu_);
    return lines_;
  }

 private:
  void Run(std::function<void()> task) {
    absl::Notification done;
    thread_->Post([&] {
      task();
      done.Notify();
    });
    done.WaitForNotification();
  }
  void Note(std::string line) {
    absl::MutexLock lock(&mu_);
    lines_.push_back(std::move(line));
  }

  Replays* const replays_;
  IoThread* const thread_;
  const bool starts_;
  ReplayTicket ticket_;
  absl::Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

class ReplaysTest : public testing::Test {
 protected:
  ReplaysTest() { thread_.Start(); }
  ~ReplaysTest() override {
    for (auto& sink : sinks_) sink->GiveUp();
    replays_.Stop();
    thread_.Stop();
  }

  Sink& Request(bool starts = true) {
    sinks_.push_back(std::make_unique<Sink>(&replays_, &thread_, starts));
    sinks_.back()->Request();
    return *sinks_.back();
  }

  FakeBroker broker_;
  IoThread thread_{0, absl::ZeroDuration()};
  Replays replays_{broker_.Connect(), 2};
  std::vector<std::unique_ptr<Sink>> sinks_;
};

TEST_F(ReplaysTest, ATurnIsGrantedWhenItIsOpenAndTheReplayIsHandedOutAsItIsAskedFor) {
  broker_.OnSubscribe([](FakeSubscribe& stream) {
    stream.Read();
    for (const char* position : {"p1", "p2"}) {
      stream.Write(client::EventsFor(1, {client::MakeEvent("a", position)}));
    }
    return absl::OkStatus();
  });
  Sink& sink = Request();
  EXPECT_THAT(sink.lines(), ElementsAre());
  replays_.SetOpen(true);
  ASSERT_TRUE(sink.Await("OK"));
  EXPECT_THAT(sink.lines(), ElementsAre("granted", "p1", "p2", "OK"));
  EXPECT_EQ(replays_.started(), 1);
}

TEST_F(ReplaysTest, OnlySoManyRunAtATimeAndTheOthersFollowInOrder) {
  replays_.SetOpen(true);
  Sink& first = Request();
  Sink& second = Request();
  Sink& third = Request(/*starts=*/false);
  Sink& fourth = Request(/*starts=*/false);
  Sink& fifth = Request(/*starts=*/false);
  ASSERT_TRUE(first.Await("granted"));
  ASSERT_TRUE(second.Await("granted"));
  EXPECT_THAT(third.lines(), ElementsAre());
  EXPECT_TRUE(replays_.is_crowded());
  // One that goes away while it waits takes nobody's turn.
  fourth.GiveUp();
  second.GiveUp();
  ASSERT_TRUE(third.Await("granted"));
  EXPECT_THAT(fifth.lines(), ElementsAre());
  // One that was granted and not started makes way as well.
  third.GiveUp();
  ASSERT_TRUE(fifth.Await("granted"));
  EXPECT_THAT(fourth.lines(), ElementsAre());
  EXPECT_FALSE(replays_.is_crowded());
  EXPECT_THAT(second.lines(), ElementsAre("granted")) << "given up: it hears nothing more";
}

TEST_F(ReplaysTest, AReplayThatBreaksMakesWayToo) {
  for (int i = 0; i < 2; ++i) {
    broker_.OnSubscribe([](FakeSubscribe&) { return absl::UnavailableError("broken"); });
  }
  replays_.SetOpen(true);
  Sink& first = Request();
  Sink& second = Request();
  Sink& third = Request(/*starts=*/false);
  EXPECT_TRUE(first.Await("UNAVAILABLE"));
  EXPECT_TRUE(second.Await("UNAVAILABLE"));
  EXPECT_TRUE(third.Await("granted"));
}

TEST_F(ReplaysTest, NoTurnIsGrantedWhileItIsClosed) {
  replays_.SetOpen(true);
  replays_.SetOpen(false);
  Sink& sink = Request(/*starts=*/false);
  EXPECT_THAT(sink.lines(), ElementsAre());
  replays_.SetOpen(true);
  EXPECT_TRUE(sink.Await("granted"));
}

TEST_F(ReplaysTest, StoppingCancelsWhatRunsAndGrantsNoMore) {
  replays_.SetOpen(true);
  Sink& running = Request();
  ASSERT_TRUE(running.Await("granted"));
  Sink& granted = Request(/*starts=*/false);
  ASSERT_TRUE(granted.Await("granted"));
  Sink& waiting = Request();
  replays_.Stop();
  EXPECT_TRUE(running.Await("CANCELLED"));
  granted.GiveUp();
  EXPECT_THAT(waiting.lines(), ElementsAre());
}

}  // namespace
}  // namespace carillon::facade
