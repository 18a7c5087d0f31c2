// Encodes responses out of event records, never by building message objects for them.
#ifndef CARILLON_BROKER_DELIVERY_RESPONSE_ENCODER_H_
#define CARILLON_BROKER_DELIVERY_RESPONSE_ENCODER_H_

#include <cstddef>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "broker/delivery/outbox.h"

namespace carillon::delivery {

// Records that follow one another in their block, and are so many bytes and half of it, are not
// copied but referred to. Fewer would cost as much either way, or keep too much in memory.
inline constexpr size_t kSharedBytesMin = 4096;

// A part of an encoded message.
struct MessagePart {
  absl::string_view bytes;
  // Keeps `bytes` where they are.
  std::shared_ptr<const void> owner;
};

// The parts, laid end to end, of an encoded SubscribeResponse, or WatchResponse, whose `events`
// hold all of `batch` in order. Deliveries with ids give Matches.
std::vector<MessagePart> EncodeEvents(absl::Span<const Deliveries> batch);

}  // namespace carillon::delivery

#endif  // CARILLON_BROKER_DELIVERY_RESPONSE_ENCODER_H_
