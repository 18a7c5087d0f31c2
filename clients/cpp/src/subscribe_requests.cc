#include "src/subscribe_requests.h"

#include <utility>

namespace carillon::client {
namespace {

// Tag and length before each element, at most.
constexpr size_t kElementHeaderBytes = 6;

}  // namespace

std::vector<v1::SubscribeRequest> MakeAddRequests(std::vector<v1::Subscription> subscriptions) {
  std::vector<v1::SubscribeRequest> requests;
  size_t bytes = 0;
  for (v1::Subscription& subscription : subscriptions) {
    const size_t size = subscription.ByteSizeLong() + kElementHeaderBytes;
    if (requests.empty() || bytes + size > kRequestBytesMax ||
        requests.back().add().subscriptions_size() == kSubscriptionsPerRequestMax) {
      requests.emplace_back();
      bytes = 0;
    }
    bytes += size;
    *requests.back().mutable_add()->add_subscriptions() = std::move(subscription);
  }
  return requests;
}

std::vector<v1::SubscribeRequest> MakeRemoveRequests(absl::Span<const int64_t> subscription_ids) {
  std::vector<v1::SubscribeRequest> requests;
  for (size_t i = 0; i < subscription_ids.size(); ++i) {
    if (i % kSubscriptionsPerRequestMax == 0) requests.emplace_back();
    requests.back().mutable_remove()->add_subscription_ids(subscription_ids[i]);
  }
  return requests;
}

}  // namespace carillon::client
