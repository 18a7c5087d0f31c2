// Cuts long lists into requests that the broker takes.
#ifndef CARILLON_CLIENTS_CPP_SRC_SUBSCRIBE_REQUESTS_H_
#define CARILLON_CLIENTS_CPP_SRC_SUBSCRIBE_REQUESTS_H_

#include <cstdint>
#include <vector>

#include "absl/types/span.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::client {

// Of one request: every broker takes 2 MiB. A subscription that is larger by itself gets a request
// of its own.
inline constexpr int kSubscriptionsPerRequestMax = 10'000;
inline constexpr size_t kRequestBytesMax = 1 << 20;

std::vector<v1::SubscribeRequest> MakeAddRequests(std::vector<v1::Subscription> subscriptions);
std::vector<v1::SubscribeRequest> MakeRemoveRequests(absl::Span<const int64_t> subscription_ids);

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_SUBSCRIBE_REQUESTS_H_
