#include "carillon/client/replay.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <fstream>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"
#include "carillon/wire/error.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

// Notes keys and the end.
class Recorder : public ReplayHandler {
 public:
  void OnEvents(absl::Span<const ReceivedEvent> events) override {
    absl::MutexLock lock(&mu_);
    for (const ReceivedEvent& event : events) keys_.emplace_back(event.event.key);
    ++batches_;
  }
  void OnDone(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    EXPECT_FALSE(end_.has_value());
    end_ = status;
  }

  bool AwaitBatches(int count) {
    absl::MutexLock lock(&mu_);
    const auto there = [this, count]()
                           ABSL_SHARED_LOCKS_REQUIRED(mu_) { return batches_ >= count; };
    return mu_.AwaitWithTimeout(absl::Condition(&there), kTestDeadline);
  }
  // Nothing: it did not end.
  std::optional<absl::Status> AwaitEnd() {
    absl::MutexLock lock(&mu_);
    const auto ended = [this]() ABSL_SHARED_LOCKS_REQUIRED(mu_) { return end_.has_value(); };
    mu_.AwaitWithTimeout(absl::Condition(&ended), kTestDeadline);
    return end_;
  }
  std::vector<std::string> keys() {
    absl::MutexLock lock(&mu_);
    return keys_;
  }

 private:
  absl::Mutex mu_;
  std::vector<std::string> keys_ ABSL_GUARDED_BY(mu_);
  int batches_ ABSL_GUARDED_BY(mu_) = 0;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mu_);
};

// What was asked for, up to StartDelivery.
struct Opening {
  std::vector<v1::Subscription> subscriptions;
  int add_requests = 0;
  v1::StartDelivery start;
};

Opening ReadRequests(FakeSubscribe& stream) {
  Opening opening;
  while (std::optional<v1::SubscribeRequest> request = stream.Read()) {
    if (request->has_start()) {
      opening.start = request->start();
      return opening;
    }
    ++opening.add_requests;
    for (v1::Subscription& subscription : *request->mutable_add()->mutable_subscriptions()) {
      opening.subscriptions.push_back(std::move(subscription));
    }
  }
  return opening;
}

ReplayOptions Stretch(int subscriptions = 1) {
  ReplayOptions options;
  for (int i = 1; i <= subscriptions; ++i) {
    options.subscriptions.emplace_back().set_subscription_id(i);
  }
  options.after = "p0";
  options.until = "p9";
  return options;
}

class ReplayTest : public testing::Test {
 protected:
  void Start(ReplayOptions options = Stretch()) {
    replay_ = std::make_unique<Replay>(connection_, std::move(options), recorder_);
    replay_->Start();
  }

  FakeBroker broker_;
  const std::shared_ptr<Connection> connection_ = broker_.Connect();
  const std::shared_ptr<Recorder> recorder_ = std::make_shared<Recorder>();
  std::unique_ptr<Replay> replay_;
};

TEST_F(ReplayTest, AsksForItsStretchAndEndsWithTheBrokersOk) {
  Opening opening;
  broker_.OnSubscribe([&](FakeSubscribe& stream) {
    opening = ReadRequests(stream);
    stream.Write(EventsFor(1, {MakeEvent("a", "p1"), MakeEvent("b", "p2")}));
    stream.Write(ProgressTo("p9"));
    return absl::OkStatus();
  });
  Start(Stretch(12'000));
  ASSERT_TRUE(recorder_->AwaitBatches(1));
  replay_->Next();
  EXPECT_EQ(recorder_->AwaitEnd(), absl::OkStatus());
  EXPECT_THAT(recorder_->keys(), ElementsAre("a", "b"));
  EXPECT_THAT(opening.subscriptions, SizeIs(12'000));
  EXPECT_EQ(opening.add_requests, 2);
  EXPECT_EQ(opening.start.start().after(), "p0");
  EXPECT_EQ(opening.start.until(), "p9");
}

TEST_F(ReplayTest, NothingMoreIsReadUntilItIsAskedFor) {
  broker_.OnSubscribe([&](FakeSubscribe& stream) {
    ReadRequests(stream);
    for (const char* key : {"a", "b", "c"}) stream.Write(EventsFor(1, {MakeEvent(key)}));
    return absl::OkStatus();
  });
  Start();
  for (size_t batch = 1; batch <= 3; ++batch) {
    ASSERT_TRUE(recorder_->AwaitBatches(static_cast<int>(batch)));
    // All three are on their way: an eager reader would have them by now.
    absl::SleepFor(absl::Milliseconds(20));
    EXPECT_THAT(recorder_->keys(), SizeIs(batch));
    replay_->Next();
  }
  EXPECT_EQ(recorder_->AwaitEnd(), absl::OkStatus());
}

TEST_F(ReplayTest, ARefusedSubscriptionEndsItWithTheReason) {
  broker_.OnSubscribe([&](FakeSubscribe& stream) {
    ReadRequests(stream);
    v1::SubscribeResponse closed;
    closed.mutable_closed()->add_subscription_ids(1);
    *closed.mutable_closed()->mutable_error() =
        wire::ToRpcStatus(wire::Error(absl::StatusCode::kAborted, "SCOPE_CHANGED", "changed"));
    stream.Write(closed);
    stream.Write(EventsFor(1, {MakeEvent("a")}));
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Start();
  const std::optional<absl::Status> end = recorder_->AwaitEnd();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kAborted);
  EXPECT_THAT(recorder_->keys(), IsEmpty());
}

TEST_F(ReplayTest, AGapEndsItAsOutOfRange) {
  broker_.OnSubscribe([&](FakeSubscribe& stream) {
    ReadRequests(stream);
    v1::SubscribeResponse gap;
    gap.mutable_gap()->set_until("p5");
    stream.Write(gap);
    stream.Write(EventsFor(1, {MakeEvent("f", "p6")}));
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Start();
  const std::optional<absl::Status> end = recorder_->AwaitEnd();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kOutOfRange);
  EXPECT_THAT(recorder_->keys(), IsEmpty());
}

TEST_F(ReplayTest, AStreamThatBreaksIsNotTakenForTheEnd) {
  broker_.OnSubscribe([&](FakeSubscribe& stream) {
    ReadRequests(stream);
    stream.Write(EventsFor(1, {MakeEvent("a")}));
    return absl::UnavailableError("the test breaks the stream");
  });
  Start();
  ASSERT_TRUE(recorder_->AwaitBatches(1));
  replay_->Next();
  const std::optional<absl::Status> end = recorder_->AwaitEnd();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kUnavailable);
}

TEST_F(ReplayTest, ItIsCancelledWhereverItIs) {
  for (const bool paused : {false, true}) {
    const auto recorder = std::make_shared<Recorder>();
    // One that is cancelled before it has reached the broker would leave its script to the next.
    const auto arrived = std::make_shared<absl::Notification>();
    broker_.OnSubscribe([paused, arrived](FakeSubscribe& stream) {
      arrived->Notify();
      ReadRequests(stream);
      if (paused) stream.Write(EventsFor(1, {MakeEvent("a")}));
      stream.ReadToEnd();
      return absl::OkStatus();
    });
    auto replay = std::make_unique<Replay>(connection_, Stretch(), recorder);
    replay->Start();
    ASSERT_TRUE(arrived->WaitForNotificationWithTimeout(kTestDeadline));
    if (paused) {
      ASSERT_TRUE(recorder->AwaitBatches(1));
    }
    replay.reset();
    const std::optional<absl::Status> end = recorder->AwaitEnd();
    ASSERT_TRUE(end.has_value()) << paused;
    EXPECT_EQ(end->code(), absl::StatusCode::kCancelled) << paused;
  }
}

TEST_F(ReplayTest, ItIsCancelledWhileMoreEventsArrive) {
  for (int round = 0; round < 200; ++round) {
    const auto recorder = std::make_shared<Recorder>();
    broker_.OnSubscribe([&](FakeSubscribe& stream) {
      ReadRequests(stream);
      for (int i = 0; i < 20; ++i) stream.Write(EventsFor(1, {MakeEvent("a")}));
      return absl::OkStatus();
    });
    auto replay = std::make_unique<Replay>(connection_, Stretch(), recorder);
    replay->Start();
    ASSERT_TRUE(recorder->AwaitBatches(1));
    replay->Next();
    replay.reset();
    ASSERT_TRUE(recorder->AwaitEnd().has_value()) << "round " << round;
  }
}

TEST_F(ReplayTest, WithoutCredentialsItEndsAtOnce) {
  ConnectionOptions options;
  options.token_file = testing::TempDir() + "/replay-token";
  std::ofstream(options.token_file) << "token";
  const std::shared_ptr<Connection> connection = broker_.Connect(options);
  std::remove(options.token_file.c_str());
  Replay replay(connection, Stretch(), recorder_);
  replay.Start();
  const std::optional<absl::Status> end = recorder_->AwaitEnd();
  ASSERT_TRUE(end.has_value());
  EXPECT_EQ(end->code(), absl::StatusCode::kUnauthenticated);
}

}  // namespace
}  // namespace carillon::client
