#include "carillon/client/subscriber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "tests/unit/client/subscriber_recorder.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using ::testing::SizeIs;

TEST(SubscriberTest, AsksForItsSubscriptionsBeforeDeliveryBegins) {
  FakeBroker broker;
  absl::Notification opened;
  SubscribeOpening opening;
  broker.OnSubscribe([&](FakeSubscribe& stream) {
    if (auto read = ReadOpening(stream)) opening = *std::move(read);
    opened.Notify();
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  SubscriberOptions options;
  options.start.set_earliest(true);
  Recorder recorder({MakeSubscription(1), MakeSubscription(2)});
  Subscriber subscriber(broker.Connect(), options, &recorder);
  subscriber.Start();
  ASSERT_TRUE(opened.WaitForNotificationWithTimeout(kTestDeadline));
  EXPECT_THAT(opening.subscriptions, SizeIs(2));
  EXPECT_EQ(opening.add_requests, 1);
  EXPECT_TRUE(opening.start.earliest());
  EXPECT_EQ(subscriber.position(), "");
}

TEST(SubscriberTest, NothingIsAskedForWhenNothingIsWanted) {
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1")}));
  Recorder recorder((std::vector<v1::Subscription>()));
  Subscriber subscriber(broker.Connect(), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p1");
}

TEST(SubscriberTest, LongListsOfSubscriptionsGoInSeveralRequests) {
  FakeBroker broker;
  absl::Notification opened;
  SubscribeOpening opening;
  broker.OnSubscribe([&](FakeSubscribe& stream) {
    if (auto read = ReadOpening(stream)) opening = *std::move(read);
    opened.Notify();
    return absl::OkStatus();
  });
  std::vector<v1::Subscription> wanted;
  for (int64_t id = 1; id <= 25'000; ++id) wanted.push_back(MakeSubscription(id));
  Recorder recorder(std::move(wanted));
  Subscriber subscriber(broker.Connect(), SubscriberOptions(), &recorder);
  subscriber.Start();
  ASSERT_TRUE(opened.WaitForNotificationWithTimeout(kTestDeadline));
  EXPECT_EQ(opening.add_requests, 3);
  ASSERT_THAT(opening.subscriptions, SizeIs(25'000));
  EXPECT_EQ(opening.subscriptions.back().subscription_id(), 25'000);
}

TEST(SubscriberTest, HandsOutWhatComesInItsOrder) {
  FakeBroker broker;
  v1::SubscribeResponse added, removed, closed, session, gap;
  added.mutable_added()->add_subscription_ids(1);
  removed.mutable_removed()->add_subscription_ids(2);
  closed.mutable_closed()->add_subscription_ids(3);
  session.mutable_session_change()->set_session_id("s");
  gap.mutable_gap()->set_after("p2");
  gap.mutable_gap()->set_until("p5");
  gap.mutable_gap()->set_reason(v1::Gap::REASON_RETENTION);
  v1::SubscribeResponse events = EventsFor(1, {MakeEvent("a", "p1"), MakeEvent("b", "p2")});
  events.mutable_events()->mutable_matches(1)->add_subscription_ids(4);
  broker.OnSubscribe(ExpectAfter("p0", {added, events, gap, session, closed, removed,
                                        EventsFor(4, {MakeEvent("c", "p6")}), ProgressTo("p7")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p7");
  EXPECT_THAT(recorder.lines(),
              ElementsAre("connected", "added 1", "event a for 1", "event b for 1,4",
                          "gap p2..p5 REASON_RETENTION", "session s", "closed 3", "removed 2",
                          "event c for 4", "progress p7"));
}

TEST(SubscriberTest, WhatIsAddedBeforeTheStartIsOnlyTrustedWhenDeliveryHasBegun) {
  FakeBroker broker;
  v1::SubscribeResponse added, session;
  added.mutable_added()->add_subscription_ids(1);
  session.mutable_session_change()->set_session_id("s");
  // The first stream breaks before delivery has begun.
  broker.OnSubscribe(ExpectAfter("", {added, session}, Broken()));
  broker.OnSubscribe(ExpectAfter("", {added, session, ProgressTo("p1")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), SubscriberOptions(), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p1");
  EXPECT_THAT(recorder.LinesWith("added"), ElementsAre("added 1"));
  EXPECT_THAT(recorder.LinesWith("session"), SizeIs(2));
  const std::vector<std::string> lines = recorder.lines();
  EXPECT_THAT(std::vector<std::string>(lines.end() - 3, lines.end()),
              ElementsAre("session s", "added 1", "progress p1"));
}

TEST(SubscriberTest, AddsMadeWhileOthersArePreparedFollowThem) {
  FakeBroker broker;
  absl::Notification all_read;
  std::vector<std::string> requests;
  broker.OnSubscribe([&](FakeSubscribe& stream) {
    AnswerGreeting(stream);
    while (requests.size() < 4) {
      const std::optional<v1::SubscribeRequest> request = stream.Read();
      if (!request.has_value()) break;
      if (request->has_add()) {
        requests.push_back(absl::StrCat("add ", request->add().subscriptions(0).subscription_id()));
      } else {
        requests.emplace_back(request->has_start() ? "start" : "remove");
      }
    }
    all_read.Notify();
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), FastRetries(), &recorder);
  recorder.on_connected = [&subscriber](Recorder::Done done) {
    EXPECT_TRUE(subscriber.Add({MakeSubscription(2)}).ok());
    EXPECT_TRUE(subscriber.Remove({9}).ok());
    done({MakeSubscription(1)});
  };
  subscriber.Start();
  ASSERT_TRUE(all_read.WaitForNotificationWithTimeout(kTestDeadline));
  EXPECT_THAT(requests, ElementsAre("add 1", "start", "add 2", "remove"));
}

TEST(SubscriberTest, AddsAndRemovalsGoOutInTheirOrder) {
  FakeBroker broker;
  constexpr int64_t kCount = 1000;
  absl::Notification all_read;
  std::vector<int64_t> ids;
  broker.OnSubscribe([&](FakeSubscribe& stream) {
    ReadOpening(stream);
    stream.Write(ProgressTo("p1"));
    while (ids.size() < 2 * kCount) {
      const std::optional<v1::SubscribeRequest> request = stream.Read();
      if (!request.has_value()) break;
      ids.push_back(request->has_add() ? request->add().subscriptions(0).subscription_id()
                                       : -request->remove().subscription_ids(0));
    }
    all_read.Notify();
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), FastRetries(), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p1");
  std::vector<int64_t> expected;
  for (int64_t id = 1; id <= kCount; ++id) {
    EXPECT_TRUE(subscriber.Add({MakeSubscription(id)}).ok());
    EXPECT_TRUE(subscriber.Remove({id}).ok());
    expected.insert(expected.end(), {id, -id});
  }
  ASSERT_TRUE(all_read.WaitForNotificationWithTimeout(kTestDeadline));
  EXPECT_EQ(ids, expected);
}

TEST(SubscriberTest, RefusesRequestsWhileItIsNotConnected) {
  FakeBroker broker;
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), FastRetries(), &recorder);
  EXPECT_TRUE(absl::IsUnavailable(subscriber.Add({MakeSubscription(1)})));
  EXPECT_TRUE(absl::IsUnavailable(subscriber.Remove({1})));
}

TEST(SubscriberTest, RefusesRequestsThatWouldMakeTooManyWait) {
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1")}));
  SubscriberOptions options = After("p0");
  options.pending_bytes_max = 100;
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), options, &recorder);
  recorder.on_connected = [&subscriber](Recorder::Done done) {
    absl::Status status;
    int accepted = 0;
    while (status.ok() && accepted < 100) {
      status = subscriber.Add({MakeSubscription(2)});
      ++accepted;
    }
    EXPECT_TRUE(absl::IsResourceExhausted(status)) << status;
    EXPECT_GT(accepted, 5);
    done({});
  };
  subscriber.Start();
  recorder.WaitFor("progress p1");
}

TEST(SubscriberTest, CanBeDestroyedAtAnyMoment) {
  FakeBroker broker;
  Recorder recorder;
  { Subscriber never_started(broker.Connect(), FastRetries(), &recorder); }
  {
    Subscriber just_started(broker.Connect(), FastRetries(), &recorder);
    just_started.Start();
  }
  broker.OnSubscribe(ExpectAfter("", {ProgressTo("p1")}));
  {
    Subscriber delivering(broker.Connect(), FastRetries(), &recorder);
    delivering.Start();
    recorder.WaitFor("progress p1");
  }
}

TEST(SubscriberTest, CanBeDestroyedBeforeDone) {
  FakeBroker broker;
  broker.OnSubscribe([](FakeSubscribe& stream) {
    AnswerGreeting(stream);
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Recorder recorder;
  Recorder::Done kept;
  recorder.on_connected = [&kept](Recorder::Done done) { kept = std::move(done); };
  {
    Subscriber subscriber(broker.Connect(), FastRetries(), &recorder);
    subscriber.Start();
    recorder.WaitFor("connected");
  }
  kept({MakeSubscription(1)});
}

}  // namespace
}  // namespace carillon::client
