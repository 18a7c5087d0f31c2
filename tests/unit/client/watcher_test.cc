#include "carillon/client/watcher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "carillon/wire/error.h"
#include "tests/unit/client/fake_broker.h"
#include "tests/unit/program/scratch_folder.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using WatchWriter = grpc::ServerWriter<v1::WatchResponse>;

WatcherOptions After(const std::string& position) {
  WatcherOptions options;
  options.filter.mutable_type()->add_values("machines");
  options.start.set_after(position);
  options.backoff_min = absl::Milliseconds(1);
  options.backoff_max = absl::Milliseconds(20);
  return options;
}

v1::WatchResponse WatchEvents(std::vector<v1::Event> events) {
  v1::WatchResponse response;
  for (v1::Event& event : events) {
    *response.mutable_events()->add_events() = std::move(event);
  }
  return response;
}

v1::WatchResponse WatchProgress(const std::string& position) {
  v1::WatchResponse response;
  response.mutable_progress()->set_position(position);
  return response;
}

// A script that expects the watch to begin after `position`, writes `responses` and ends.
FakeBroker::WatchScript ExpectAfter(const std::string& position,
                                    std::vector<v1::WatchResponse> responses, absl::Status end) {
  return [=](const v1::WatchRequest& request, WatchWriter* writer) {
    EXPECT_EQ(request.start().after(), position);
    EXPECT_THAT(request.filter().type().values(), ElementsAre("machines"));
    for (const v1::WatchResponse& response : responses) writer->Write(response);
    return end;
  };
}

absl::Status Broken() { return absl::UnavailableError("the test breaks the stream"); }

// Writes down what it hears; has had enough when it hears `last`.
struct Recorder {
  explicit Recorder(std::string last_line = "") : last(std::move(last_line)) {
    handler.on_events = [this](absl::Span<const wire::EventView> events) {
      bool go_on = true;
      for (const wire::EventView& event : events) {
        go_on = Note(absl::StrCat("event ", event.key)) && go_on;
      }
      return go_on;
    };
    handler.on_progress = [this](const v1::Progress& progress) {
      return Note(absl::StrCat("progress ", progress.position()));
    };
    handler.on_gap = [this](const v1::Gap& gap) { return Note(absl::StrCat("gap ", gap.until())); };
    handler.on_disconnect = [this](const absl::Status& status) {
      return Note(absl::StrCat("disconnect ", absl::StatusCodeToString(status.code())));
    };
  }

  bool Note(std::string line) {
    lines.push_back(std::move(line));
    return lines.back() != last;
  }

  const std::string last;
  std::vector<std::string> lines;
  Watcher::Handler handler;
};

TEST(WatcherTest, HandsOutWhatComesAndResumesAfterTheLastOfIt) {
  FakeBroker broker;
  v1::WatchResponse gap;
  gap.mutable_gap()->set_until("p4");
  broker.OnWatch(ExpectAfter(
      "p0", {WatchProgress("p0"), WatchEvents({MakeEvent("a", "p1"), MakeEvent("b", "p2")})},
      Broken()));
  broker.OnWatch(ExpectAfter("p2", {WatchProgress("p3")}, absl::OkStatus()));
  broker.OnWatch(ExpectAfter("p3", {gap}, Broken()));
  broker.OnWatch(ExpectAfter("p4", {WatchEvents({MakeEvent("c", "p5")})}, Broken()));
  Recorder recorder("event c");
  Watcher watcher(broker.Connect(), After("p0"));
  EXPECT_EQ(watcher.position(), "p0");
  EXPECT_TRUE(watcher.Run(recorder.handler).ok());
  EXPECT_THAT(
      recorder.lines,
      ElementsAre("progress p0", "event a", "event b", "disconnect UNAVAILABLE", "progress p3",
                  "disconnect UNAVAILABLE", "gap p4", "disconnect UNAVAILABLE", "event c"));
  EXPECT_EQ(watcher.position(), "p5");
}

TEST(WatcherTest, AbsentHandlersHaveNothingAgainstGoingOn) {
  FakeBroker broker;
  v1::WatchResponse gap;
  gap.mutable_gap()->set_until("p2");
  broker.OnWatch(
      ExpectAfter("p0", {WatchProgress("p1"), gap, WatchEvents({MakeEvent("a", "p3")})}, Broken()));
  broker.OnWatch(ExpectAfter("p3", {}, absl::OutOfRangeError("trimmed")));
  Watcher watcher(broker.Connect(), After("p0"));
  EXPECT_TRUE(absl::IsOutOfRange(watcher.Run({})));
}

TEST(WatcherTest, GoesOnWhereItWasWhenRunAgain) {
  FakeBroker broker;
  broker.OnWatch(ExpectAfter("p0", {WatchEvents({MakeEvent("a", "p1")})}, Broken()));
  broker.OnWatch(ExpectAfter("p1", {WatchEvents({MakeEvent("b", "p2")})}, Broken()));
  Watcher watcher(broker.Connect(), After("p0"));
  Recorder first("event a");
  EXPECT_TRUE(watcher.Run(first.handler).ok());
  Recorder second("event b");
  EXPECT_TRUE(watcher.Run(second.handler).ok());
  EXPECT_THAT(second.lines, ElementsAre("event b"));
}

TEST(WatcherTest, AnyHandlerCanEndIt) {
  FakeBroker broker;
  v1::WatchResponse gap;
  gap.mutable_gap()->set_until("p2");
  for (const char* last : {"progress p1", "gap p2", "disconnect UNAVAILABLE"}) {
    broker.OnWatch(ExpectAfter("p0", {WatchProgress("p1"), gap}, Broken()));
    Recorder recorder(last);
    Watcher watcher(broker.Connect(), After("p0"));
    EXPECT_TRUE(watcher.Run(recorder.handler).ok()) << last;
    EXPECT_EQ(recorder.lines.back(), last);
  }
}

TEST(WatcherTest, ReturnsErrorsThatNoRetryMends) {
  FakeBroker broker;
  for (const absl::Status& error :
       {absl::InvalidArgumentError("filter"), absl::UnauthenticatedError("who"),
        absl::PermissionDeniedError("no"), absl::UnimplementedError("what")}) {
    broker.OnWatch(ExpectAfter("p0", {}, error));
    Watcher watcher(broker.Connect(), After("p0"));
    EXPECT_EQ(watcher.Run({}), error);
  }
  broker.OnWatch(ExpectAfter("p0", {},
                             wire::Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", "gone",
                                         {{"earliest", "p8"}})));
  Watcher watcher(broker.Connect(), After("p0"));
  const auto info = wire::ErrorInfoOf(watcher.Run({}));
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->metadata().at("earliest"), "p8");
}

TEST(WatcherTest, ReturnsWhenTheStreamBreaksIfItIsNotToReconnect) {
  FakeBroker broker;
  broker.OnWatch(ExpectAfter("p0", {}, Broken()));
  broker.OnWatch(ExpectAfter("p0", {}, absl::OkStatus()));
  WatcherOptions options = After("p0");
  options.reconnect = false;
  Watcher watcher(broker.Connect(), options);
  EXPECT_EQ(watcher.Run({}), Broken());
  EXPECT_TRUE(absl::IsUnavailable(watcher.Run({})));
}

TEST(WatcherTest, CancelEndsAStreamThatIsSilent) {
  FakeBroker broker;
  absl::Notification client_gone;
  broker.OnWatch([&client_gone](const v1::WatchRequest&, WatchWriter* writer) {
    writer->Write(WatchProgress("p1"));
    client_gone.WaitForNotificationWithTimeout(kTestDeadline);
    return absl::OkStatus();
  });
  Watcher watcher(broker.Connect(), After("p0"));
  std::thread canceller;
  Watcher::Handler handler;
  handler.on_progress = [&](const v1::Progress&) {
    canceller = std::thread([&watcher] { watcher.Cancel(); });
    return true;
  };
  EXPECT_TRUE(watcher.Run(handler).ok());
  client_gone.Notify();
  canceller.join();
  EXPECT_TRUE(watcher.Run(handler).ok());
}

TEST(WatcherTest, CancelEndsTheWaitBetweenAttempts) {
  FakeBroker broker;
  broker.OnWatch(ExpectAfter("p0", {}, Broken()));
  WatcherOptions options = After("p0");
  options.backoff_min = options.backoff_max = absl::Hours(1);
  Watcher watcher(broker.Connect(), options);
  std::thread canceller;
  Watcher::Handler handler;
  handler.on_disconnect = [&](const absl::Status&) {
    canceller = std::thread([&watcher] { watcher.Cancel(); });
    return true;
  };
  EXPECT_TRUE(watcher.Run(handler).ok());
  canceller.join();
}

TEST(WatcherTest, CanBeCancelledAgainWhenItsRunIsOver) {
  FakeBroker broker;
  Watcher watcher(broker.Connect(), After("p0"));
  watcher.Cancel();
  EXPECT_TRUE(watcher.Run({}).ok());
  watcher.Cancel();
}

TEST(WatcherTest, TriesARenewedTokenOnceEachTime) {
  const program::ScratchFolder folder;
  const absl::Status expired = absl::UnauthenticatedError("the token has expired");
  FakeBroker broker;
  broker.OnWatch(ExpectAfter("p0", {WatchEvents({MakeEvent("a", "p1")})}, expired));
  broker.OnWatch(ExpectAfter("p1", {WatchEvents({MakeEvent("b", "p2")})}, expired));
  broker.OnWatch(ExpectAfter("p2", {}, expired));
  ConnectionOptions options;
  options.token_file = folder.Write("token", "one");
  Watcher watcher(broker.Connect(options), After("p0"));
  Watcher::Handler handler;
  handler.on_events = [&folder](auto) {
    folder.Write("token", "another");
    return true;
  };
  EXPECT_EQ(watcher.Run(handler), expired);
  EXPECT_THAT(broker.authorizations(),
              ElementsAre("Bearer one", "Bearer another", "Bearer another"));
}

TEST(WatcherTest, TakesTheLargestEventThatABrokerCanBeToldToTake) {
  FakeBroker broker;
  v1::Event large = MakeEvent("large", "p1");
  large.set_object(std::string(64 << 20, ' '));
  broker.OnWatch(ExpectAfter("p0", {WatchEvents({large})}, Broken()));
  Recorder recorder("event large");
  Watcher watcher(broker.Connect(), After("p0"));
  EXPECT_TRUE(watcher.Run(recorder.handler).ok());
  EXPECT_THAT(recorder.lines, ElementsAre("event large"));
}

TEST(WatcherTest, ReadsBatchesThatComeInManyPieces) {
  FakeBroker broker;
  std::vector<v1::Event> events;
  for (int i = 0; i < 1000; ++i) {
    events.push_back(MakeEvent(absl::StrCat("k", i), absl::StrCat("p", i)));
    events.back().set_object(absl::StrCat("\"", std::string(3000, 'x'), "\""));
  }
  broker.OnWatch(ExpectAfter("p0", {WatchEvents(events)}, Broken()));
  Recorder recorder("event k999");
  Watcher watcher(broker.Connect(), After("p0"));
  EXPECT_TRUE(watcher.Run(recorder.handler).ok());
  ASSERT_EQ(recorder.lines.size(), 1000u);
  EXPECT_EQ(recorder.lines[500], "event k500");
}

}  // namespace
}  // namespace carillon::client
