// What a subscriber does when its stream breaks.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <utility>

#include "absl/strings/str_cat.h"
#include "carillon/client/subscriber.h"
#include "carillon/wire/error.h"
#include "tests/unit/client/subscriber_recorder.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;

TEST(SubscriberResumeTest, ResumesAfterTheLastEvent) {
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

TEST(SubscriberResumeTest, ResumesAfterProgressAndGapsButNotAfterAdditions) {
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

TEST(SubscriberResumeTest, AStreamThatTheBrokerEndsIsOpenedAgain) {
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

TEST(SubscriberResumeTest, GoesOnWithABrokerThatWasStartedAgain) {
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

TEST(SubscriberResumeTest, APositionThatWasTrimmedIsAGapToTheEarliest) {
  FakeBroker broker;
  broker.OnSubscribe(ExpectAfter("p1", {},
                                 wire::Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED",
                                             "no longer kept", {{"earliest", "p8"}})));
  broker.OnSubscribe(ExpectAfter("p8", {ProgressTo("p9")}));
  Recorder recorder;
  Subscriber subscriber(broker.Connect(), After("p1"), &recorder);
  recorder.on_gap = [&subscriber] { EXPECT_EQ(subscriber.position(), "p1") << "not told yet"; };
  subscriber.Start();
  recorder.WaitFor("progress p9");
  EXPECT_THAT(recorder.lines(),
              ElementsAre("connected", "disconnected OUT_OF_RANGE", "gap p1..p8 REASON_RETENTION",
                          "connected", "progress p9"));
}

TEST(SubscriberResumeTest, APositionOfAnotherLogIsAGapWithoutEnd) {
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
  recorder.on_gap = [&subscriber] { EXPECT_EQ(subscriber.position(), "p1") << "not told yet"; };
  subscriber.Start();
  recorder.WaitFor("progress q1");
  EXPECT_THAT(recorder.LinesWith("gap"), ElementsAre("gap p1.. REASON_UNSPECIFIED"));
}

TEST(SubscriberResumeTest, TheDoneOfABrokenStreamDoesNothing) {
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

TEST(SubscriberResumeTest, AResponseThatMakesNoSenseBreaksTheStream) {
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

TEST(SubscriberResumeTest, TriesAgainWithRenewedCredentials) {
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

TEST(SubscriberResumeTest, TriesAgainWhenTheTokenFileIsBackInPlace) {
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

TEST(SubscriberResumeTest, CanBeDestroyedWhileItWaitsToTryAgain) {
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

}  // namespace
}  // namespace carillon::client
