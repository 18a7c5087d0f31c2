#include "carillon/client/subscriber.h"

#include <utility>

#include "src/subscriber_impl.h"

namespace carillon::client {

Subscriber::Subscriber(std::shared_ptr<Connection> connection, SubscriberOptions options,
                       SubscriberHandler* handler)
    : impl_(std::make_shared<Impl>(std::move(connection), std::move(options), handler)) {}

Subscriber::~Subscriber() { impl_->Stop(); }

void Subscriber::Start() { impl_->Start(); }

absl::Status Subscriber::Add(std::vector<v1::Subscription> subscriptions) {
  return impl_->Enqueue(MakeAddRequests(std::move(subscriptions)));
}

absl::Status Subscriber::Remove(std::vector<int64_t> subscription_ids) {
  return impl_->Enqueue(MakeRemoveRequests(subscription_ids));
}

std::string Subscriber::position() const { return impl_->position(); }

}  // namespace carillon::client
