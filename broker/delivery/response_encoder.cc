#include "broker/delivery/response_encoder.h"

#include <google/protobuf/io/coded_stream.h>

#include <cstdint>
#include <cstring>
#include <utility>

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

// Records that follow one another in their block.
struct Run {
  const log::EventBlockPtr* block;
  absl::string_view records;

  bool is_shared() const {
    return records.size() >= kSharedBytesMin && 2 * records.size() >= (*block)->bytes();
  }
};

void AddRuns(const Deliveries& deliveries, std::vector<Run>* runs) {
  const log::EventBlock& block = *deliveries.block;
  for (size_t i = 0; i < deliveries.events.size();) {
    const char* const begin = block.record(deliveries.events[i]).data();
    while (++i < deliveries.events.size() && deliveries.events[i] == deliveries.events[i - 1] + 1) {
    }
    const absl::string_view last = block.record(deliveries.events[i - 1]);
    const auto size = static_cast<size_t>(last.data() + last.size() - begin);
    runs->push_back({&deliveries.block, absl::string_view(begin, size)});
  }
}

size_t MatchesSize(const Deliveries& deliveries) {
  size_t size = 0;
  for (size_t i = 0; i < deliveries.id_ends.size(); ++i) {
    size += WithHeader(WithHeader(PackedSize(IdsOf(deliveries, i))));
  }
  return size;
}

// Lays parts end to end: what is written into a buffer of its own, and what is shared.
class PartsBuilder {
 public:
  // `size`: of the buffer.
  explicit PartsBuilder(size_t size)
      : buffer_(std::make_shared_for_overwrite<uint8_t[]>(size)),
        begin_(buffer_.get()),
        end_(begin_) {}

  // Where to write. SetEnd must follow.
  uint8_t* end() const { return end_; }
  void SetEnd(uint8_t* end) { end_ = end; }

  void Copy(absl::string_view bytes) {
    std::memcpy(end_, bytes.data(), bytes.size());
    end_ += bytes.size();
  }
  void Share(absl::string_view bytes, std::shared_ptr<const void> owner) {
    CloseWritten();
    parts_.push_back({bytes, std::move(owner)});
  }
  std::vector<MessagePart> Finish() {
    CloseWritten();
    return std::move(parts_);
  }

 private:
  void CloseWritten() {
    if (begin_ == end_) return;
    const auto* const bytes = reinterpret_cast<const char*>(begin_);
    parts_.push_back({absl::string_view(bytes, static_cast<size_t>(end_ - begin_)), buffer_});
    begin_ = end_;
  }

  const std::shared_ptr<uint8_t[]> buffer_;
  // What was written since the last shared part.
  uint8_t* begin_;
  uint8_t* end_;
  std::vector<MessagePart> parts_;
};

}  // namespace

std::vector<MessagePart> EncodeEvents(absl::Span<const Deliveries> batch) {
  std::vector<Run> runs;
  size_t batch_size = 0;
  size_t shared_size = 0;
  for (const Deliveries& deliveries : batch) {
    AddRuns(deliveries, &runs);
    batch_size += MatchesSize(deliveries);
  }
  for (const Run& run : runs) {
    batch_size += run.records.size();
    if (run.is_shared()) shared_size += run.records.size();
  }
  PartsBuilder parts(WithHeader(batch_size) - shared_size);
  parts.SetEnd(WriteHeader(kEventsTag, batch_size, parts.end()));
  for (const Run& run : runs) {
    if (run.is_shared()) {
      parts.Share(run.records, *run.block);
    } else {
      parts.Copy(run.records);
    }
  }
  for (const Deliveries& deliveries : batch) {
    for (size_t i = 0; i < deliveries.id_ends.size(); ++i) {
      parts.SetEnd(WriteMatches(IdsOf(deliveries, i), parts.end()));
    }
  }
  return parts.Finish();
}

}  // namespace carillon::delivery
