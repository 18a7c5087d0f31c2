#include "src/subscribe_requests.h"

#include <gtest/gtest.h>

#include <numeric>
#include <string>

namespace carillon::client {
namespace {

v1::Subscription MakeSubscription(int64_t id, const std::string& key = "") {
  v1::Subscription subscription;
  subscription.set_subscription_id(id);
  if (!key.empty()) subscription.mutable_filter()->mutable_key()->add_values(key);
  return subscription;
}

TEST(SubscribeRequestsTest, NothingNeedsNoRequest) {
  EXPECT_TRUE(MakeAddRequests({}).empty());
  EXPECT_TRUE(MakeRemoveRequests({}).empty());
}

TEST(SubscribeRequestsTest, ARequestHoldsTenThousandSubscriptionsAtMost) {
  std::vector<v1::Subscription> subscriptions;
  for (int64_t id = 1; id <= 20'001; ++id) subscriptions.push_back(MakeSubscription(id));
  const std::vector<v1::SubscribeRequest> requests = MakeAddRequests(std::move(subscriptions));
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[0].add().subscriptions_size(), 10'000);
  EXPECT_EQ(requests[1].add().subscriptions_size(), 10'000);
  ASSERT_EQ(requests[2].add().subscriptions_size(), 1);
  EXPECT_EQ(requests[1].add().subscriptions(0).subscription_id(), 10'001);
  EXPECT_EQ(requests[2].add().subscriptions(0).subscription_id(), 20'001);
}

TEST(SubscribeRequestsTest, ARequestHoldsAMebibyteAtMost) {
  std::vector<v1::Subscription> subscriptions;
  for (int64_t id = 1; id <= 50; ++id) {
    subscriptions.push_back(MakeSubscription(id, std::string(60'000, 'k')));
  }
  int64_t next_id = 1;
  const std::vector<v1::SubscribeRequest> requests = MakeAddRequests(std::move(subscriptions));
  EXPECT_EQ(requests.size(), 3u);
  for (const v1::SubscribeRequest& request : requests) {
    EXPECT_LE(request.add().ByteSizeLong(), kRequestBytesMax);
    for (const v1::Subscription& subscription : request.add().subscriptions()) {
      EXPECT_EQ(subscription.subscription_id(), next_id++);
    }
  }
  EXPECT_EQ(next_id, 51);
}

TEST(SubscribeRequestsTest, ASubscriptionThatIsTooLargeGoesByItself) {
  const std::vector<v1::SubscribeRequest> requests = MakeAddRequests(
      {MakeSubscription(1), MakeSubscription(2, std::string(2 << 20, 'k')), MakeSubscription(3)});
  ASSERT_EQ(requests.size(), 3u);
  EXPECT_EQ(requests[1].add().subscriptions(0).subscription_id(), 2);
}

TEST(SubscribeRequestsTest, ARemovalNamesTenThousandAtMost) {
  std::vector<int64_t> ids(10'001);
  std::iota(ids.begin(), ids.end(), 1);
  const std::vector<v1::SubscribeRequest> requests = MakeRemoveRequests(ids);
  ASSERT_EQ(requests.size(), 2u);
  EXPECT_EQ(requests[0].remove().subscription_ids_size(), 10'000);
  ASSERT_EQ(requests[1].remove().subscription_ids_size(), 1);
  EXPECT_EQ(requests[1].remove().subscription_ids(0), 10'001);
}

}  // namespace
}  // namespace carillon::client
