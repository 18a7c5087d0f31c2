// Encodes responses by copying event records, never by building message objects for them.
#ifndef CARILLON_BROKER_DELIVERY_RESPONSE_ENCODER_H_
#define CARILLON_BROKER_DELIVERY_RESPONSE_ENCODER_H_

#include <cstddef>
#include <cstdint>

#include "absl/types/span.h"
#include "broker/delivery/outbox.h"

namespace carillon::delivery {

// An encoded SubscribeResponse, or WatchResponse, whose `events` hold all of `batch` in order.
// Deliveries with ids give Matches.
class EventsEncoder {
 public:
  // `batch` must outlive it.
  explicit EventsEncoder(absl::Span<const Deliveries> batch);

  // How many bytes Encode writes.
  size_t size() const { return size_; }
  void Encode(uint8_t* out) const;
  // How many events there are.
  size_t event_count() const { return event_count_; }

 private:
  absl::Span<const Deliveries> batch_;
  size_t event_count_ = 0;
  size_t batch_size_ = 0;
  size_t size_ = 0;
};

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_RESPONSE_ENCODER_H_
