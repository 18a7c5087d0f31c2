#include "carillon/client/publisher.h"

#include <utility>

#include "src/publisher_impl.h"

namespace carillon::client {

Publisher::Publisher(std::shared_ptr<Connection> connection, PublisherOptions options)
    : impl_(std::make_shared<Impl>(std::move(connection), std::move(options))) {}

Publisher::~Publisher() { impl_->Stop(); }

void Publisher::Publish(v1::PublishStreamRequest batch, Callback done) {
  impl_->Publish(std::move(batch), std::move(done));
}

absl::Status Publisher::Finish() { return impl_->Finish(); }

}  // namespace carillon::client
