// What a stream, or all of them, may hold.
#include <gtest/gtest.h>

#include <numeric>

#include "carillon/wire/error.h"
#include "tests/unit/delivery/dispatcher_fixture.h"

namespace carillon::delivery {
namespace {

TEST_P(DispatcherTest, AHeldStreamNeverHoldsMoreThanItsBudget) {
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  Begin(options);
  auto slow = Open(StreamKind::kWatch, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow);
  ASSERT_TRUE(slow->AwaitCommands(2));
  for (int i = 0; i < 20; ++i) {
    PublishRange(1, 20, "\"" + std::string(1000, 'x') + "\"");
    EXPECT_LE(slow->stream()->outbox.bytes(), (64u << 10) + 100);
  }
}

TEST_P(DispatcherTest, TheNumberOfSubscriptionsOfAStreamIsLimited) {
  DispatcherOptions options;
  options.subscriptions_per_stream_max = 2;
  Begin(options);
  auto client = Open();
  Add(*client, {Subscription(1), Subscription(2), Subscription(3)});
  ASSERT_TRUE(client->AwaitCommands(1));
  bool refused = false;
  for (const v1::SubscribeResponse& response : client->responses()) {
    refused |=
        response.closed().error().code() == static_cast<int>(absl::StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(refused);
}

TEST_P(DispatcherTest, WhatFiltersTakeIsLimitedForAStreamAndInAll) {
  const auto refused = [](Client& client) {
    std::vector<int64_t> ids;
    for (const v1::SubscribeResponse& response : client.responses()) {
      ids.insert(ids.end(), response.closed().subscription_ids().begin(),
                 response.closed().subscription_ids().end());
    }
    return ids;
  };
  using Ids = std::vector<int64_t>;
  const std::string long_name(100, 'x');
  DispatcherOptions options;
  options.filter_bytes_per_stream_max = 250 + 2 * kSubscriptionBytes;
  options.filter_bytes_max = 350 + 3 * kSubscriptionBytes;
  Begin(options);
  auto first = Open();
  auto second = Open();
  Add(*first, {Subscription(1, long_name), Subscription(2, long_name), Subscription(3, long_name)});
  ASSERT_TRUE(first->AwaitCommands(1));
  EXPECT_EQ(refused(*first), Ids({3}));
  Add(*second, {Subscription(1, long_name), Subscription(2, long_name)});
  ASSERT_TRUE(second->AwaitCommands(1));
  EXPECT_EQ(refused(*second), Ids({2}));
  dispatcher_->Remove(first->stream(), {1});
  Add(*first, {Subscription(4, long_name), Subscription(5, long_name)});
  ASSERT_TRUE(first->AwaitCommands(3));
  EXPECT_EQ(refused(*first), Ids({3, 5}));
  first->Close();
  auto third = Open();
  Add(*third, {Subscription(1, long_name), Subscription(2, long_name)});
  ASSERT_TRUE(third->AwaitCommands(1));
  EXPECT_EQ(refused(*third), Ids());
  auto watch = Open(StreamKind::kWatch);
  Add(*watch, {Subscription(1, long_name)});
  ASSERT_TRUE(watch->AwaitEnd());
  EXPECT_TRUE(absl::IsResourceExhausted(watch->end()));
}

TEST_P(DispatcherTest, AddingAndRemovingWithoutEndLeavesNothingBehind) {
  Begin({.outbox_bytes_max = 1 << 20, .recent_bytes_max = 1});
  PublishRange(1, 500, "\"" + std::string(5000, 'x') + "\"");
  AwaitDispatched(500);
  auto client = Open(StreamKind::kSubscribe, "root", true);
  Add(*client, {Subscription(1)});
  Start(*client, Earliest());
  std::vector<int64_t> ids(1'000);
  std::iota(ids.begin(), ids.end(), 10);
  for (int round = 0; round < 20; ++round) {
    std::vector<NewSubscription> subscriptions;
    subscriptions.reserve(ids.size());
    for (int64_t id : ids) subscriptions.push_back(Subscription(id, "params"));
    Add(*client, std::move(subscriptions));
    dispatcher_->Remove(client->stream(), ids);
  }
  ASSERT_TRUE(client->AwaitCommands(42));
  ASSERT_EQ(dispatcher_->stats().streams_catching_up, 1) << client->end();
  EXPECT_LE(client->stream()->dispatcher_side.awaited_in_order.size(), 2'000u);
}

TEST_P(DispatcherTest, TheNumberOfStreamsIsLimitedAndFreedWhenTheyClose) {
  DispatcherOptions options;
  options.streams_max = 2;
  Begin(options);
  auto first = Open();
  auto second = Open();
  Client third(dispatcher_.get());
  auto session = access_->OpenOwnSession(LogIn("root"));
  SubscriberPtr stream = dispatcher_->MakeSubscriber(StreamKind::kWatch, *session, &third);
  EXPECT_EQ(dispatcher_->Open(stream).code(), absl::StatusCode::kResourceExhausted);
  first->Close();
  third.Attach(stream);
  EXPECT_TRUE(dispatcher_->Open(stream).ok());
}

TEST_P(DispatcherTest, AClientThatAsksWithoutEverReadingIsCutOff) {
  DispatcherOptions options;
  options.outbox_bytes_max = 4 << 10;
  options.progress_interval = absl::Milliseconds(10);
  Begin(options);
  auto client = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  for (int i = 0; i < 2000; ++i) Add(*client, {Subscription(i + 1)});
  ASSERT_TRUE(client->AwaitEnd());
  EXPECT_EQ(wire::ErrorInfoOf(client->end())->reason(), "STREAM_NOT_READ");
}

TEST_P(DispatcherTest, AClientThatReadsNothingIsCutOffAndOneThatReadsSlowlyIsNot) {
  DispatcherOptions options;
  options.outbox_bytes_max = 4 << 10;
  options.message_bytes_max = 100;
  options.progress_interval = absl::Milliseconds(10);
  options.stall_timeout = absl::Milliseconds(1500);
  Begin(options);
  auto slow = Open(StreamKind::kWatch);
  auto stuck = Open(StreamKind::kWatch, "root", /*hold=*/true);
  auto idle = Open(StreamKind::kWatch);
  Add(*slow, {Subscription(1, "machines")});
  Add(*stuck, {Subscription(1, "machines")});
  Add(*idle, {Subscription(1, "nothing")});
  for (const auto* client : {&slow, &stuck, &idle}) Start(**client);
  ASSERT_TRUE(slow->AwaitLive());
  for (int i = 1; i <= 20; ++i) {
    slow->Hold(true);
    PublishRange(i, i);
    absl::SleepFor(absl::Milliseconds(50));
    slow->Hold(false);
  }
  ASSERT_TRUE(stuck->AwaitEnd());
  EXPECT_EQ(wire::ErrorInfoOf(stuck->end())->reason(), "STREAM_NOT_READ");
  ASSERT_TRUE(slow->AwaitLast("20"));
  EXPECT_EQ(slow->keys(), Range(1, 20));
  EXPECT_TRUE(slow->end().ok());
  EXPECT_TRUE(idle->end().ok());
}

TEST_P(DispatcherTest, AllOutboxesTogetherHoldNoMoreThanTheyMay) {
  DispatcherOptions options;
  options.outboxes_bytes_max = 100'000;
  options.recent_bytes_max = 1;
  options.read_bytes = 10'000;
  Begin(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Open(StreamKind::kWatch, "root", /*hold=*/true));
    Add(*clients.back(), {Subscription(1)});
    Start(*clients.back());
    ASSERT_TRUE(clients.back()->AwaitCommands(2));
  }
  const std::string object = "\"" + std::string(1000, 'x') + "\"";
  int64_t most = 0;
  for (int i = 1; i <= 500; ++i) {
    PublishRange(i, i, object);
    most = std::max(most, dispatcher_->stats().outbox_bytes.load());
  }
  // Each may have one event or read beyond it.
  EXPECT_LT(most, 100'000 + 10 * 12'000);
  for (const auto& client : clients) client->Hold(false);
  for (const auto& client : clients) {
    ASSERT_TRUE(client->AwaitEvents(500));
    EXPECT_EQ(client->keys(), Range(1, 500));
  }
}

}  // namespace
}  // namespace carillon::delivery
