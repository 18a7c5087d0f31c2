#include "broker/delivery/response_encoder.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstring>

#include "absl/strings/string_view.h"
#include "carillon/v1/event_service.pb.h"

namespace carillon::delivery {
namespace {

using google::protobuf::io::CodedOutputStream;

// Field numbers below 16 make tags of one byte; all fields used here are length-delimited (wire
// type 2).
constexpr uint8_t Tag(int field_number) { return static_cast<uint8_t>(field_number << 3 | 2); }

constexpr uint8_t kEventsTag = Tag(v1::SubscribeResponse::kEventsFieldNumber);
static_assert(kEventsTag == Tag(v1::WatchResponse::kEventsFieldNumber));
constexpr uint8_t kMatchesTag = Tag(v1::EventBatch::kMatchesFieldNumber);
constexpr uint8_t kIdsTag = Tag(v1::Matches::kSubscriptionIdsFieldNumber);

size_t WithHeader(size_t payload) {
  return 1 + CodedOutputStream::VarintSize32(static_cast<uint32_t>(payload)) + payload;
}

uint8_t* WriteHeader(uint8_t tag, size_t payload, uint8_t* out) {
  *out++ = tag;
  return CodedOutputStream::WriteVarint32ToArray(static_cast<uint32_t>(payload), out);
}

absl::Span<const int64_t> IdsOf(const Deliveries& deliveries, size_t i) {
  const size_t begin = i == 0 ? 0 : deliveries.id_ends[i - 1];
  return absl::MakeConstSpan(deliveries.ids).subspan(begin, deliveries.id_ends[i] - begin);
}

size_t PackedSize(absl::Span<const int64_t> ids) {
  size_t size = 0;
  for (int64_t id : ids) size += CodedOutputStream::VarintSize64(static_cast<uint64_t>(id));
  return size;
}

uint8_t* WriteMatches(absl::Span<const int64_t> ids, uint8_t* out) {
  const size_t packed = PackedSize(ids);
  out = WriteHeader(kMatchesTag, WithHeader(packed), out);
  out = WriteHeader(kIdsTag, packed, out);
  for (int64_t id : ids) {
    out = CodedOutputStream::WriteVarint64ToArray(static_cast<uint64_t>(id), out);
  }
  return out;
}

// Events that follow one another in their block are one copy.
uint8_t* WriteRecords(const Deliveries& deliveries, uint8_t* out) {
  const log::EventBlock& block = *deliveries.block;
  size_t i = 0;
  while (i < deliveries.events.size()) {
    const absl::string_view first = block.record(deliveries.events[i]);
    size_t bytes = first.size();
    for (++i; i < deliveries.events.size() && deliveries.events[i] == deliveries.events[i - 1] + 1;
         ++i) {
      bytes += block.record(deliveries.events[i]).size();
    }
    std::memcpy(out, first.data(), bytes);
    out += bytes;
  }
  return out;
}

}  // namespace

EventsEncoder::EventsEncoder(absl::Span<const Deliveries> batch) : batch_(batch) {
  for (const Deliveries& deliveries : batch_) {
    event_count_ += deliveries.events.size();
    for (uint32_t i : deliveries.events) batch_size_ += deliveries.block->record(i).size();
    for (size_t i = 0; i < deliveries.id_ends.size(); ++i) {
      batch_size_ += WithHeader(WithHeader(PackedSize(IdsOf(deliveries, i))));
    }
  }
  size_ = WithHeader(batch_size_);
}

void EventsEncoder::Encode(uint8_t* out) const {
  out = WriteHeader(kEventsTag, batch_size_, out);
  for (const Deliveries& deliveries : batch_) out = WriteRecords(deliveries, out);
  for (const Deliveries& deliveries : batch_) {
    for (size_t i = 0; i < deliveries.id_ends.size(); ++i) {
      out = WriteMatches(IdsOf(deliveries, i), out);
    }
  }
}

}  // namespace carillon::delivery
