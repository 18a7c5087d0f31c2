#include "broker/service/delivery_call.h"

#include <memory>
#include <utility>
#include <variant>
#include <vector>

#include "broker/delivery/response_encoder.h"

namespace carillon::service {
namespace {

// Shares the bytes.
grpc::Slice ToSlice(delivery::MessagePart part) {
  using Owner = std::shared_ptr<const void>;
  return grpc::Slice(
      const_cast<char*>(part.bytes.data()), part.bytes.size(),
      [](void* owner) { delete static_cast<Owner*>(owner); }, new Owner(std::move(part.owner)));
}

grpc::ByteBuffer EncodeEvents(const std::vector<delivery::Deliveries>& batch,
                              DeliveryMetrics* metrics) {
  std::vector<grpc::Slice> slices;
  for (delivery::MessagePart& part : delivery::EncodeEvents(batch)) {
    slices.push_back(ToSlice(std::move(part)));
  }
  const absl::Time now = absl::Now();
  for (const delivery::Deliveries& deliveries : batch) {
    metrics->events_delivered += static_cast<int64_t>(deliveries.events.size());
    if (deliveries.committed_at != absl::InfinitePast()) {
      metrics->observe_latency(absl::ToDoubleSeconds(now - deliveries.committed_at));
    }
  }
  return grpc::ByteBuffer(slices.data(), slices.size());
}

}  // namespace

grpc::ByteBuffer EncodeMessage(const delivery::OutboxMessage& message, DeliveryMetrics* metrics) {
  grpc::ByteBuffer buffer;
  if (const auto* response = std::get_if<std::string>(&message)) {
    const grpc::Slice slice(*response);
    buffer = grpc::ByteBuffer(&slice, 1);
  } else {
    buffer = EncodeEvents(std::get<std::vector<delivery::Deliveries>>(message), metrics);
  }
  metrics->messages_delivered += 1;
  metrics->bytes_delivered += static_cast<int64_t>(buffer.Length());
  return buffer;
}

}  // namespace carillon::service
