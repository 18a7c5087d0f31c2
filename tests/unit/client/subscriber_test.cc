#include "carillon/client/subscriber.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/notification.h"
#include "carillon/wire/error.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

v1::Subscription MakeSubscription(int64_t id) {
  v1::Subscription subscription;
  subscription.set_subscription_id(id);
  return subscription;
}

SubscriberOptions FastRetries() {
  SubscriberOptions options;
  options.backoff_min = absl::Milliseconds(1);
  options.backoff_max = absl::Milliseconds(20);
  return options;
}

SubscriberOptions After(const std::string& position) {
  SubscriberOptions options = FastRetries();
  options.start.set_after(position);
  return options;
}

// Writes down what it hears, one line a call, and asks for `wanted` when connected.
class Recorder : public SubscriberHandler {
 public:
  using Done = std::function<void(std::vector<v1::Subscription>)>;

  explicit Recorder(std::vector<v1::Subscription> wanted = {MakeSubscription(1)})
      : wanted_(std::move(wanted)) {}

  void OnConnected(Done done) override {
    Note("connected");
    if (on_connected) return on_connected(std::move(done));
    done(wanted_);
  }
  void OnDisconnected(const absl::Status& status) override {
    Note(absl::StrCat("disconnected ", absl::StatusCodeToString(status.code())));
  }
  void OnEvents(absl::Span<const ReceivedEvent> events) override {
    for (const ReceivedEvent& event : events) {
      Note(absl::StrCat("event ", event.event.key, " for ",
                        absl::StrJoin(event.subscription_ids, ",")));
    }
  }
  void OnAdded(const v1::SubscriptionsAdded& added) override {
    Note(absl::StrCat("added ", absl::StrJoin(added.subscription_ids(), ",")));
  }
  void OnRemoved(const v1::SubscriptionsRemoved& removed) override {
    Note(absl::StrCat("removed ", absl::StrJoin(removed.subscription_ids(), ",")));
  }
  void OnClosed(const v1::SubscriptionsClosed& closed) override {
    Note(absl::StrCat("closed ", absl::StrJoin(closed.subscription_ids(), ",")));
  }
  void OnProgress(const v1::Progress& progress) override {
    Note(absl::StrCat("progress ", progress.position()));
  }
  void OnGap(const v1::Gap& gap) override {
    Note(absl::StrCat("gap ", gap.after(), "..", gap.until(), " ",
                      v1::Gap::Reason_Name(gap.reason())));
  }
  void OnSessionChange(const v1::SessionChange& change) override {
    Note(absl::StrCat("session ", change.session_id()));
  }

  // Waits until `line` was noted. False: the deadline passed.
  bool WaitFor(const std::string& line) const {
    absl::MutexLock lock(&mu_);
    const auto there = [this, &line]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    };
    const bool found = mu_.AwaitWithTimeout(absl::Condition(&there), kTestDeadline);
    EXPECT_TRUE(found) << line << " was not heard, but: " << absl::StrJoin(lines_, "; ");
    return found;
  }
  std::vector<std::string> lines() const {
    absl::MutexLock lock(&mu_);
    return lines_;
  }
  std::vector<std::string> LinesWith(absl::string_view prefix) const {
    std::vector<std::string> found;
    for (const std::string& line : lines()) {
      if (line.rfind(std::string(prefix), 0) == 0) found.push_back(line);
    }
    return found;
  }

  // Set before the start; called instead of done(wanted).
  std::function<void(Done)> on_connected;

 private:
  void Note(std::string line) {
    absl::MutexLock lock(&mu_);
    lines_.push_back(std::move(line));
  }

  const std::vector<v1::Subscription> wanted_;
  mutable absl::Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

absl::Status Broken() { return absl::UnavailableError("the test breaks the stream"); }

// A script that expects the stream to begin after `position`, writes `responses` and then waits for
// the client to go away.
FakeBroker::SubscribeScript ExpectAfter(const std::string& position,
                                        std::vector<v1::SubscribeResponse> responses,
                                        absl::Status end = absl::OkStatus()) {
  return [=](FakeSubscribe& stream) {
    const std::optional<SubscribeOpening> opening = ReadOpening(stream);
    if (!opening.has_value()) return absl::OkStatus();
    EXPECT_EQ(opening->start.after(), position);
    for (const v1::SubscribeResponse& response : responses) stream.Write(response);
    if (end.ok()) stream.ReadToEnd();
    return end;
  };
}

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

TEST(SubscriberTest, ResumesAfterTheLastEvent) {
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter(
      "p0", {ProgressTo("p0"), EventsFor(1, {MakeEvent("a", "p1"), MakeEvent("b", "p2")})},
      Broken()));
  broker.OnSubscribe(ExpectAfter("p2", {EventsFor(1, {MakeEvent("c", "p3")})}, Broken()));
  broker.OnSubscribe(ExpectAfter("p3", {EventsFor(1, {MakeEvent("d", "p4")})}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p0"), &recorder);
  EXPECT_EQ(subscriber.position(), "p0");
  subscriber.Start();
  recorder.WaitFor("event d for 1");
  EXPECT_THAT(recorder.LinesWith("event"),
              ElementsAre("event a for 1", "event b for 1", "event c for 1", "event d for 1"));
  EXPECT_THAT(recorder.LinesWith("disconnected"),
              ElementsAre("disconnected UNAVAILABLE", "disconnected UNAVAILABLE"));
}

TEST(SubscriberTest, ResumesAfterProgressAndGapsButNotAfterAdditions) {
  FakeBroker broker;
  v1::SubscribeResponse added, gap;
  added.mutable_added()->set_position("p9");
  gap.mutable_gap()->set_until("p4");
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1"), added}, Broken()));
  broker.OnSubscribe(ExpectAfter("p1", {gap}, Broken()));
  broker.OnSubscribe(ExpectAfter("p4", {ProgressTo("p5")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p5");
}

TEST(SubscriberTest, AStreamThatTheBrokerEndsIsOpenedAgain) {
  FakeBroker broker;
  broker.OnSubscribe([](FakeSubscribe& stream) {
    ReadOpening(stream);
    return absl::OkStatus();
  });
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p1");
  EXPECT_THAT(recorder.LinesWith("disconnected"), ElementsAre("disconnected UNAVAILABLE"));
}

TEST(SubscriberTest, GoesOnWithABrokerThatWasStartedAgain) {
  auto broker = std::make_unique<FakeBroker>();
  const std::string address = broker->address();
  broker->OnSubscribe(ExpectAfter("p0", {EventsFor(1, {MakeEvent("a", "p1")})}));
  Recorder recorder;
  Subscriber subscriber(broker->Connect(), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("event a for 1");
  broker.reset();
  recorder.WaitFor("disconnected UNAVAILABLE");
  broker = std::make_unique<FakeBroker>(address);
  broker->OnSubscribe(ExpectAfter("p1", {EventsFor(1, {MakeEvent("b", "p2")})}));
  recorder.WaitFor("event b for 1");
  EXPECT_THAT(recorder.LinesWith("event"), ElementsAre("event a for 1", "event b for 1"));
}

TEST(SubscriberTest, APositionThatWasTrimmedIsAGapToTheEarliest) {
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter("p1", {},
                                 wire::Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED",
                                             "no longer kept", {{"earliest", "p8"}})));
  broker.OnSubscribe(ExpectAfter("p8", {ProgressTo("p9")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p1"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p9");
  EXPECT_THAT(recorder.lines(),
              ElementsAre("connected", "disconnected OUT_OF_RANGE", "gap p1..p8 REASON_RETENTION",
                          "connected", "progress p9"));
}

TEST(SubscriberTest, APositionOfAnotherLogIsAGapWithoutEnd) {
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter(
      "p1", {},
      wire::Error(absl::StatusCode::kInvalidArgument, "POSITION_INVALID", "not of this log")));
  broker.OnSubscribe([](FakeSubscribe& stream) {
    const std::optional<SubscribeOpening> opening = ReadOpening(stream);
    EXPECT_EQ(opening->start.start_case(), v1::StartPosition::START_NOT_SET);
    stream.Write(ProgressTo("q1"));
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p1"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress q1");
  EXPECT_THAT(recorder.LinesWith("gap"), ElementsAre("gap p1.. REASON_UNSPECIFIED"));
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

TEST(SubscriberTest, TheDoneOfABrokenStreamDoesNothing) {
  FakeBroker broker;
  broker.OnSubscribe([](FakeSubscribe& stream) {
    AnswerGreeting(stream);
    return Broken();
  });
  broker.OnSubscribe([](FakeSubscribe& stream) {
    const std::optional<SubscribeOpening> opening = ReadOpening(stream);
    EXPECT_THAT(opening->subscriptions, SizeIs(1));
    EXPECT_EQ(opening->subscriptions[0].subscription_id(), 2);
    stream.Write(ProgressTo("p1"));
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Recorder recorder;
  Recorder::Done stale;
  recorder.on_connected = [&stale](Recorder::Done done) {
    if (stale == nullptr) {
      stale = std::move(done);
      return;
    }
    stale({MakeSubscription(1)});
    done({MakeSubscription(2)});
    done({MakeSubscription(3)});
  };
  {
    Subscriber subscriber(broker.Connect(), FastRetries(), &recorder);
    subscriber.Start();
    recorder.WaitFor("progress p1");
  }
  stale({MakeSubscription(4)});
}

TEST(SubscriberTest, AResponseThatMakesNoSenseBreaksTheStream) {
  FakeBroker broker;
  v1::SubscribeResponse unmatched = EventsFor(1, {MakeEvent("a", "p1"), MakeEvent("b", "p2")});
  unmatched.mutable_events()->mutable_matches()->RemoveLast();
  broker.OnSubscribe(ExpectAfter("p0", {unmatched, EventsFor(1, {MakeEvent("c", "p3")})}));
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p1");
  EXPECT_THAT(recorder.LinesWith("event"), IsEmpty());
  EXPECT_THAT(recorder.LinesWith("disconnected"), ElementsAre("disconnected INTERNAL"));
}

TEST(SubscriberTest, TriesAgainWithRenewedCredentials) {
  const std::string token_file = absl::StrCat(testing::TempDir(), "/subscriber_token");
  std::ofstream(token_file) << "old\n";
  FakeBroker broker;
  broker.OnSubscribe([&token_file](FakeSubscribe&) {
    std::ofstream(token_file) << " new \n";
    return absl::UnauthenticatedError("the token has expired");
  });
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1")}));
  ConnectionOptions connection;
  connection.token_file = token_file;
  Recorder recorder;
  Subscriber subscriber(broker.Connect(connection), After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("progress p1");
  EXPECT_THAT(broker.authorizations(), ElementsAre("Bearer old", "Bearer new"));
  EXPECT_THAT(recorder.LinesWith("disconnected"), ElementsAre("disconnected UNAUTHENTICATED"));
}

TEST(SubscriberTest, TriesAgainWhenTheTokenFileIsBackInPlace) {
  const std::string token_file = absl::StrCat(testing::TempDir(), "/subscriber_lost_token");
  std::ofstream(token_file) << "token";
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter("p0", {ProgressTo("p1")}));
  ConnectionOptions connection;
  connection.token_file = token_file;
  const std::shared_ptr<Connection> connected = broker.Connect(connection);
  std::ofstream(token_file) << "";
  Recorder recorder;
  Subscriber subscriber(connected, After("p0"), &recorder);
  subscriber.Start();
  recorder.WaitFor("disconnected UNAUTHENTICATED");
  std::ofstream(token_file) << "token";
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

TEST(SubscriberTest, CanBeDestroyedWhileItWaitsToTryAgain) {
  ConnectionOptions nowhere;
  {
    FakeBroker gone;
    nowhere.broker = gone.address();
  }
  nowhere.plaintext = true;
  SubscriberOptions options;
  options.backoff_min = options.backoff_max = absl::Hours(1);
  Recorder recorder;
  Subscriber subscriber(*Connection::Open(nowhere), options, &recorder);
  subscriber.Start();
  recorder.WaitFor("disconnected UNAVAILABLE");
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
