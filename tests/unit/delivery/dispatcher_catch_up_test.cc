// Streams that read the log: from a position, after an overflow, up to an end.
#include <gtest/gtest.h>

#include "carillon/wire/error.h"
#include "tests/unit/delivery/dispatcher_fixture.h"

namespace carillon::delivery {
namespace {

TEST_P(DispatcherTest, AnAddToAStreamThatCatchesUpIsAnsweredWhereItBegins) {
  Begin({.outbox_bytes_max = 4000, .recent_bytes_max = 1, .read_bytes = 2000});
  PublishRange(1, 500);
  AwaitDispatched(500);
  auto client = Open(StreamKind::kSubscribe, "root", true);
  Add(*client, {Subscription(1, "profiles"), Subscription(2, "machines")});
  Start(*client, Earliest());
  ASSERT_TRUE(client->AwaitCommands(2));
  Publish("params", {"not yet"});
  Add(*client, {Subscription(3, "params"), Subscription(4, "params")});
  dispatcher_->Remove(client->stream(), {4});
  ASSERT_TRUE(client->AwaitCommands(4));
  EXPECT_EQ(dispatcher_->stats().streams_catching_up, 1);
  client->Hold(false);
  ASSERT_TRUE(client->AwaitLive());
  Publish("params", {"seen"});
  ASSERT_TRUE(client->AwaitLast("seen"));

  std::string place;
  std::map<int64_t, std::string> added_at;
  for (const v1::SubscribeResponse& response : client->responses()) {
    for (const v1::Event& event : response.events().events()) place = event.position();
    if (response.has_progress()) place = response.progress().position();
    for (int64_t id : response.added().subscription_ids()) {
      if (id == 3) {
        EXPECT_EQ(response.added().position(), place);
      }
      added_at[id] = place;
    }
    for (int64_t id : response.removed().subscription_ids()) EXPECT_TRUE(added_at.contains(id));
  }
  // The place is after the newest event that was dispatched, which "not yet" may not have been.
  const bool behind_not_yet = added_at.at(3) == Position(501);
  EXPECT_TRUE(behind_not_yet || added_at.at(3) == Position(500)) << added_at.at(3);
  std::vector<std::string> expected = Range(1, 500);
  if (!behind_not_yet) expected.push_back("not yet");
  expected.push_back("seen");
  EXPECT_EQ(client->keys(), expected);
}

TEST_P(DispatcherTest, AnAddToAStreamThatCatchesUpSeesWhatIsCommittedBeforeItsAnswer) {
  Begin({.outbox_bytes_max = 4000, .recent_bytes_max = 1, .read_bytes = 2000});
  PublishRange(1, 500);
  AwaitDispatched(500);
  auto client = Open(StreamKind::kSubscribe, "root", true);
  Add(*client, {Subscription(1, "machines")});
  Start(*client, Earliest());
  Add(*client, {Subscription(2, "params")});
  ASSERT_TRUE(client->AwaitCommands(3));
  // These are read from the log together with events before the place of the second subscription.
  Publish("params", {"seen"});
  PublishRange(501, 502);
  AwaitDispatched(503);
  client->Hold(false);
  ASSERT_TRUE(client->AwaitLast("502"));
  std::vector<std::string> expected = Range(1, 500);
  for (const char* key : {"seen", "501", "502"}) expected.push_back(key);
  EXPECT_EQ(client->keys(), expected);
}

TEST_P(DispatcherTest, AStreamFromTheStartReadsTheLogAndThenGoesLive) {
  PublishRange(1, 500);
  auto client = Open(StreamKind::kWatch);
  Add(*client, {Subscription(1)});
  Start(*client, Earliest());
  ASSERT_TRUE(client->AwaitLive());
  PublishRange(501, 600);
  ASSERT_TRUE(client->AwaitEvents(600));
  EXPECT_EQ(client->keys(), Range(1, 600));
}

TEST_P(DispatcherTest, WhatTheLogHoldsBeforeItIsDispatchedComesOnce) {
  Begin({.recent_bytes_max = 1});
  auto live = Open();
  Add(*live, {Subscription(1)});
  Start(*live);
  ASSERT_TRUE(live->AwaitLive());
  PublishRange(1, 50);
  PublishRange(51, 100);
  ASSERT_TRUE(live->AwaitEvents(100));
  Withhold(true);
  PublishRange(101, 200);
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client, Earliest());
  ASSERT_TRUE(client->AwaitLive());
  Withhold(false);
  PublishRange(201, 201);
  for (Client* each : {live.get(), client.get()}) {
    ASSERT_TRUE(each->AwaitLast("201"));
    EXPECT_EQ(each->keys(), Range(1, 201));
  }
}

TEST_P(DispatcherTest, AResumedStreamGoesOnAfterItsPosition) {
  PublishRange(1, 100);
  auto first = Open(StreamKind::kWatch);
  Add(*first, {Subscription(1)});
  Start(*first, Earliest());
  ASSERT_TRUE(first->AwaitEvents(100));
  const std::string position = first->last_position();
  first->Close();
  PublishRange(101, 200);
  auto second = Open(StreamKind::kWatch);
  Add(*second, {Subscription(1)});
  Start(*second, After(position));
  ASSERT_TRUE(second->AwaitEvents(100));
  EXPECT_EQ(second->keys(), Range(101, 200));
}

// Readers of every speed see every event once and in order, while publishing goes on.
TEST_P(DispatcherTest, AStreamThatOverflowsItsOutboxCatchesUpFromTheLogWithoutLossOrRepeat) {
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  options.recent_bytes_max = 256 << 10;
  options.message_bytes_max = 8 << 10;
  Begin(options);
  const std::string object = "\"" + std::string(1000, 'x') + "\"";
  auto slow = Open(StreamKind::kWatch);
  auto fast = Open(StreamKind::kWatch);
  for (Client* client : {slow.get(), fast.get()}) {
    Add(*client, {Subscription(1)});
    Start(*client);
    ASSERT_TRUE(client->AwaitLive());
  }
  constexpr int kRounds = 20;
  constexpr int kEvents = 100;
  for (int round = 0; round < kRounds; ++round) {
    slow->Hold(round % 4 != 3);
    PublishRange(round * kEvents + 1, (round + 1) * kEvents, object);
  }
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitEvents(kRounds * kEvents));
  ASSERT_TRUE(fast->AwaitEvents(kRounds * kEvents));
  EXPECT_EQ(slow->keys(), Range(1, kRounds * kEvents));
  EXPECT_EQ(fast->keys(), Range(1, kRounds * kEvents));
  EXPECT_GT(dispatcher_->stats().overflows, 0);
  EXPECT_LE(dispatcher_->stats().outbox_bytes, 64 << 10);
}

TEST_P(DispatcherTest, AReaderOvertakenByRetentionIsToldOfTheGap) {
  const std::string object = "\"" + std::string(4000, 'x') + "\"";
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  options.recent_bytes_max = 1;
  Begin(options, {.age_max = absl::InfiniteDuration(), .bytes_max = 400'000});
  auto slow = Open(StreamKind::kWatch, "root");
  Add(*slow, {Subscription(1)});
  Start(*slow);
  ASSERT_TRUE(slow->AwaitLive());
  slow->Hold(true);
  int published = 0;
  while (store_->event_log()->bounds().first_sequence < 500) {
    PublishRange(published + 1, published + 20, object);
    published += 20;
  }
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitLast(std::to_string(published)));
  // More than one if trimming went on while it caught up.
  ASSERT_GE(slow->gaps().size(), 1u);
  int64_t missing = 0;
  for (const v1::Gap& gap : slow->gaps()) {
    EXPECT_EQ(gap.reason(), v1::Gap::REASON_RETENTION);
    missing += gap.event_count();
  }
  EXPECT_EQ(static_cast<int64_t>(slow->keys().size()) + missing, published);
}

TEST_P(DispatcherTest, APositionThatWasTrimmedIsRefusedWithWhereTheLogBegins) {
  Begin({}, {.age_max = absl::InfiniteDuration(), .bytes_max = 200'000});
  const std::string object = "\"" + std::string(4000, 'x') + "\"";
  while (store_->event_log()->bounds().first_sequence < 100) PublishRange(1, 20, object);
  // Nothing more is trimmed before the client comes back.
  committer_->Shutdown();
  auto client = Open(StreamKind::kWatch);
  Add(*client, {Subscription(1)});
  const uint32_t epoch = store_->event_log()->epoch();
  Start(*client, After(log::PositionString({epoch, 1})));
  ASSERT_TRUE(client->AwaitEnd());
  EXPECT_EQ(client->end().code(), absl::StatusCode::kOutOfRange);
  const auto info = wire::ErrorInfoOf(client->end());
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "POSITION_TRIMMED");
  auto again = Open(StreamKind::kWatch);
  Add(*again, {Subscription(1)});
  Start(*again, After(info->metadata().at("earliest")));
  EXPECT_TRUE(again->AwaitLive());
}

TEST_P(DispatcherTest, APositionOfAnotherLogOrOfTheFutureIsRefused) {
  const uint32_t epoch = store_->event_log()->epoch();
  for (const std::string& position : {std::string("nonsense"), log::PositionString({epoch + 1, 0}),
                                      log::PositionString({epoch, 1'000'000})}) {
    auto client = Open(StreamKind::kWatch);
    Add(*client, {Subscription(1)});
    Start(*client, After(position));
    ASSERT_TRUE(client->AwaitEnd()) << position;
    EXPECT_EQ(client->end().code(), absl::StatusCode::kInvalidArgument) << position;
    EXPECT_EQ(wire::ErrorInfoOf(client->end())->reason(), "POSITION_INVALID");
  }
}

TEST_P(DispatcherTest, AStreamWithAnEndGetsEverythingUpToItAndIsComplete) {
  PublishRange(1, 500);
  for (StreamKind kind : {StreamKind::kWatch, StreamKind::kSubscribe}) {
    auto client = Open(kind);
    Add(*client, {Subscription(1)});
    Start(*client, After(Position(120)), Position(321));
    ASSERT_TRUE(client->AwaitComplete());
    EXPECT_EQ(client->keys(), Range(121, 321));
    const v1::Progress last = client->responses().back().progress();
    EXPECT_EQ(last.position(), Position(321));
    EXPECT_FALSE(last.live());
  }
  EXPECT_EQ(dispatcher_->stats().subscriptions, 0);
  EXPECT_EQ(dispatcher_->stats().streams_catching_up, 0);
}

TEST_P(DispatcherTest, AnEndMayBeTheNewestEventWhilePublishingGoesOn) {
  for (int round = 0; round < 50; ++round) {
    PublishRange(2 * round + 1, 2 * round + 2);
    const int newest = 2 * round + 2;
    auto client = Open();
    Add(*client, {Subscription(1)});
    Start(*client, After(Position(0)), Position(newest));
    ASSERT_TRUE(client->AwaitComplete());
    EXPECT_EQ(client->keys(), Range(1, newest));
  }
}

TEST_P(DispatcherTest, AnEndAtOrBeforeTheStartIsReachedAtOnce) {
  PublishRange(1, 10);
  for (uint64_t until : {3, 5, 10}) {
    for (uint64_t after : {5, 10}) {
      if (until > after) continue;
      auto client = Open();
      Add(*client, {Subscription(1)});
      Start(*client, After(Position(after)), Position(until));
      ASSERT_TRUE(client->AwaitComplete());
      EXPECT_TRUE(client->keys().empty());
      EXPECT_EQ(client->last_position(), Position(after));
    }
  }
}

TEST_P(DispatcherTest, AnEndThatIsNotInTheLogIsRefused) {
  PublishRange(1, 10);
  const uint32_t epoch = store_->event_log()->epoch();
  for (const std::string& until :
       {std::string("nonsense"), log::PositionString({epoch + 1, 5}), Position(11)}) {
    auto client = Open();
    Add(*client, {Subscription(1)});
    Start(*client, After(Position(1)), until);
    ASSERT_TRUE(client->AwaitEnd()) << until;
    EXPECT_EQ(client->end().code(), absl::StatusCode::kInvalidArgument) << until;
    EXPECT_EQ(wire::ErrorInfoOf(client->end())->reason(), "POSITION_INVALID");
  }
}

TEST_P(DispatcherTest, ACompleteStreamMayBeReadSlowlyAndGetsNothingElse) {
  DispatcherOptions options;
  options.progress_interval = absl::Milliseconds(5);
  Begin(options);
  PublishRange(1, 100);
  auto slow = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow, After(Position(0)), Position(100));
  ASSERT_TRUE(slow->AwaitAllQueued());
  Add(*slow, {Subscription(2)});
  dispatcher_->Remove(slow->stream(), {1});
  ASSERT_TRUE(slow->AwaitCommands(4));
  // Another stream shows that the time for its end has passed more than twice.
  auto other = Open(StreamKind::kWatch);
  Add(*other, {Subscription(1, "nothing-like-this")});
  Start(*other);
  for (int i = 101; i <= 104; ++i) {
    PublishRange(i, i);
    ASSERT_TRUE(other->AwaitPosition(Position(static_cast<uint64_t>(i))));
  }
  EXPECT_FALSE(slow->cut_off());
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitComplete());
  EXPECT_EQ(slow->keys(), Range(1, 100));
  std::vector<v1::SubscribeResponse::ResponseCase> kinds;
  for (const v1::SubscribeResponse& response : slow->responses()) {
    kinds.push_back(response.response_case());
  }
  using Response = v1::SubscribeResponse;
  EXPECT_EQ(kinds, (std::vector<Response::ResponseCase>{Response::kAdded, Response::kProgress,
                                                        Response::kEvents, Response::kProgress}));
}

TEST_P(DispatcherTest, ACompleteStreamThatIsNotReadEndsWithTheBroker) {
  PublishRange(1, 100);
  auto slow = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow, After(Position(0)), Position(100));
  ASSERT_TRUE(slow->AwaitAllQueued());
  dispatcher_->Stop(absl::UnavailableError("over"));
  ASSERT_TRUE(slow->AwaitEnd());
  EXPECT_EQ(slow->end(), absl::UnavailableError("over"));
}

TEST_P(DispatcherTest, AStreamWithAnEndThatRetentionOvertookIsToldOfTheGapUpToItsEnd) {
  const std::string object = "\"" + std::string(4000, 'x') + "\"";
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  options.recent_bytes_max = 1;
  Begin(options, {.age_max = absl::InfiniteDuration(), .bytes_max = 400'000});
  PublishRange(1, 60, object);
  auto slow = Open(StreamKind::kWatch, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow, After(Position(0)), Position(60));
  ASSERT_TRUE(slow->AwaitCommands(2));
  while (store_->event_log()->bounds().first_sequence < 100) PublishRange(61, 80, object);
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitComplete());
  ASSERT_EQ(slow->gaps().size(), 1u);
  EXPECT_EQ(slow->gaps()[0].until(), Position(60));
  EXPECT_EQ(static_cast<int64_t>(slow->keys().size()) + slow->gaps()[0].event_count(), 60);
  EXPECT_EQ(slow->last_position(), Position(60));
}

TEST_P(DispatcherTest, ASubscriptionMayBeginLaterThanItsStream) {
  PublishRange(1, 10);
  auto client = Open();
  NewSubscription late = Subscription(2);
  late.after = Position(7);
  NewSubscription invalid = Subscription(3);
  invalid.after = "nonsense";
  Add(*client, {Subscription(1, "", "3"), late, invalid});
  Start(*client, After(Position(0)), Position(9));
  ASSERT_TRUE(client->AwaitComplete());
  EXPECT_EQ(client->keys(), (std::vector<std::string>{"3", "8", "9"}));
  ASSERT_TRUE(client->responses()[0].has_closed());
  EXPECT_EQ(client->responses()[0].closed().subscription_ids(0), 3);
  EXPECT_EQ(client->responses()[0].closed().error().code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  // At the newest event too, where nothing is left to be read.
  PublishRange(11, 11);
  auto live = Open();
  late.after = Position(11);
  Add(*live, {Subscription(1, "", "12"), late});
  Start(*live, After(Position(10)));
  PublishRange(12, 12);
  ASSERT_TRUE(live->AwaitEvents(1));
  EXPECT_EQ(live->keys(), std::vector<std::string>{"12"});
}

TEST_P(DispatcherTest, AStreamNeverGoesBackBehindThePlaceItWasTold) {
  Begin({.recent_bytes_max = 1});
  PublishRange(1, 10);
  Withhold(true);
  PublishRange(11, 20);
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  EXPECT_EQ(client->last_position(), Position(20));
  Add(*client, {Subscription(2)});
  ASSERT_TRUE(client->AwaitCommands(3));
  EXPECT_EQ(client->responses().back().added().position(), Position(20));
  Withhold(false);
  PublishRange(21, 21);
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->matches(), (std::map<std::string, std::vector<int64_t>>{{"21", {1, 2}}}));
}

}  // namespace
}  // namespace carillon::delivery
