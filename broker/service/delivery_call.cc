#include "broker/service/delivery_call.h"

#include <variant>

#include "broker/delivery/response_encoder.h"

namespace carillon::service {
namespace {

grpc::ByteBuffer EncodeEvents(const std::vector<delivery::Deliveries>& batch,
                              DeliveryMetrics* metrics) {
  const delivery::EventsEncoder encoder(batch);
  grpc::Slice slice(encoder.size());
  encoder.Encode(const_cast<uint8_t*>(slice.begin()));
  metrics->events_delivered += static_cast<int64_t>(encoder.event_count());
  const absl::Time now = absl::Now();
  for (const delivery::Deliveries& deliveries : batch) {
    if (deliveries.committed_at != absl::InfinitePast()) {
      metrics->observe_latency(absl::ToDoubleSeconds(now - deliveries.committed_at));
    }
  }
  return grpc::ByteBuffer(&slice, 1);
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
