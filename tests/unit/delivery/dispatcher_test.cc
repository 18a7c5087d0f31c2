#include "broker/delivery/dispatcher.h"

#include <gtest/gtest.h>

#include "absl/strings/str_cat.h"
#include "tests/unit/delivery/dispatcher_fixture.h"

namespace carillon::delivery {
namespace {

INSTANTIATE_TEST_SUITE_P(Threads, DispatcherTest, AnyThread(), ThreadName);

TEST_P(DispatcherTest, AnEventGoesOnceToAStreamWithTheIdsOfAllSubscriptionsItMatches) {
  auto client = Open();
  Add(*client, {Subscription(1, "machines"), Subscription(2, "profiles"), Subscription(3)});
  Start(*client);
  ASSERT_TRUE(client->AwaitCommands(2));
  Publish("machines", {"a"});
  Publish("profiles", {"b"});
  Publish("params", {"c"});
  ASSERT_TRUE(client->AwaitEvents(3));
  EXPECT_EQ(client->keys(), (std::vector<std::string>{"a", "b", "c"}));
  auto matches = client->matches();
  for (auto& [key, ids] : matches) std::sort(ids.begin(), ids.end());
  EXPECT_EQ(matches["a"], (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(matches["b"], (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(matches["c"], (std::vector<int64_t>{3}));
}

TEST_P(DispatcherTest, ABlockIsDispatchedByWhoBringsItIfSoAsked) {
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  int by_committer = 0;
  // While the dispatcher's own thread is at work, even then it is that one.
  for (int i = 0; i < 100; ++i) {
    Publish("jobs", {std::to_string(i)});
    ASSERT_TRUE(client->AwaitEvents(static_cast<size_t>(i) + 1));
    absl::MutexLock lock(&mu_);
    by_committer += client->filled_by() == committed_by_ ? 1 : 0;
  }
  if (GetParam() == CommitOn::kThisThread) {
    EXPECT_GT(by_committer, 0);
  } else {
    EXPECT_EQ(by_committer, 0);
  }
}

TEST_P(DispatcherTest, NothingIsDeliveredBeforeTheStart) {
  auto client = Open();
  Add(*client, {Subscription(1)});
  ASSERT_TRUE(client->AwaitCommands(1));
  Publish("machines", {"before"});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  Publish("machines", {"after"});
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->keys(), std::vector<std::string>{"after"});
}

TEST_P(DispatcherTest, EveryEventCommittedAfterAnAcknowledgementIsDelivered) {
  auto client = Open();
  Start(*client);
  for (int i = 0; i < 50; ++i) {
    const std::string type = absl::StrCat("type-", i);
    Publish(type, {"before"});
    Add(*client, {Subscription(i + 1, type)});
    ASSERT_TRUE(client->AwaitCommands(i + 2));
    Publish(type, {absl::StrCat("after-", i)});
  }
  ASSERT_TRUE(client->AwaitLast("after-49"));
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) expected.push_back(absl::StrCat("after-", i));
  std::vector<std::string> received = client->keys();
  // What was committed, and not dispatched yet, when the subscription was added may come too.
  received.erase(std::remove(received.begin(), received.end(), "before"), received.end());
  EXPECT_EQ(received, expected);
}

TEST_P(DispatcherTest, AnAddToALiveStreamSaysFirstHowFarTheStreamHasCome) {
  auto client = Open();
  Add(*client, {Subscription(1, "profiles")});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  PublishRange(1, 20);
  Publish("profiles", {"a"});
  ASSERT_TRUE(client->AwaitEvents(1));
  Publish("params", {"seen by none"});
  Add(*client, {Subscription(2, "machines")});
  ASSERT_TRUE(client->AwaitCommands(3));
  const v1::SubscribeResponse added = client->responses().back();
  ASSERT_TRUE(added.has_added());
  EXPECT_EQ(added.added().position(), client->last_position());
}

TEST_P(DispatcherTest, ARemovedSubscriptionReceivesNothingMore) {
  auto client = Open();
  Add(*client, {Subscription(1, "machines"), Subscription(2, "profiles")});
  Start(*client);
  dispatcher_->Remove(client->stream(), {1});
  ASSERT_TRUE(client->AwaitCommands(3));
  Publish("machines", {"a"});
  Publish("profiles", {"b"});
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->keys(), std::vector<std::string>{"b"});
}

TEST_P(DispatcherTest, AnIdThatIsTakenIsRefusedAndTheOthersGoIn) {
  auto client = Open();
  Add(*client, {Subscription(1, "machines"), Subscription(1, "profiles"), Subscription(2)});
  ASSERT_TRUE(client->AwaitCommands(1));
  std::vector<int64_t> added;
  std::vector<int> errors;
  for (const v1::SubscribeResponse& response : client->responses()) {
    for (int64_t id : response.added().subscription_ids()) added.push_back(id);
    if (response.has_closed()) errors.push_back(response.closed().error().code());
  }
  EXPECT_EQ(added, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(errors, std::vector<int>{static_cast<int>(absl::StatusCode::kAlreadyExists)});
}

TEST_P(DispatcherTest, AStreamWithoutMatchesIsToldHowFarItHasCome) {
  DispatcherOptions options;
  options.progress_interval = absl::Milliseconds(10);
  Begin(options);
  auto client = Open(StreamKind::kWatch);
  Add(*client, {Subscription(1, "nothing-like-this")});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  PublishRange(1, 100);
  EXPECT_TRUE(client->AwaitPosition(log::PositionString({store_->event_log()->epoch(), 100})));
  EXPECT_TRUE(client->keys().empty());
}

TEST_P(DispatcherTest, StoppingEndsAllStreams) {
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  dispatcher_->Stop(absl::UnavailableError("over"));
  ASSERT_TRUE(client->AwaitEnd());
  EXPECT_EQ(client->end(), absl::UnavailableError("over"));
}

}  // namespace
}  // namespace carillon::delivery
