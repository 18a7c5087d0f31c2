#include "src/event_batch_reader.h"

#include "carillon/v1/event_service.pb.h"

namespace carillon::client {
namespace {

constexpr int kEventsFieldNumber = v1::SubscribeResponse::kEventsFieldNumber;
static_assert(kEventsFieldNumber == int{v1::WatchResponse::kEventsFieldNumber});

absl::string_view ViewOf(const grpc::Slice& slice) {
  return absl::string_view(reinterpret_cast<const char*>(slice.begin()), slice.size());
}

}  // namespace

EventBatchReader::Content EventBatchReader::Read(const grpc::ByteBuffer& response) {
  Flatten(response);
  payloads_.clear();
  if (!wire::SplitRepeated(bytes_, kEventsFieldNumber, &payloads_)) {
    return Content::kMalformed;
  }
  if (payloads_.empty()) return Content::kOther;
  return ReadBatch(payloads_.back()) ? Content::kEvents : Content::kMalformed;
}

absl::Span<const int64_t> EventBatchReader::MatchesOf(size_t index) const {
  if (ids_ends_.empty()) return {};
  const size_t begin = index == 0 ? 0 : ids_ends_[index - 1];
  return absl::MakeConstSpan(ids_).subspan(begin, ids_ends_[index] - begin);
}

void EventBatchReader::Flatten(const grpc::ByteBuffer& response) {
  if (response.TrySingleSlice(&slice_).ok()) {
    bytes_ = ViewOf(slice_);
    return;
  }
  std::vector<grpc::Slice> slices;
  joined_.clear();
  joined_.reserve(response.Length());
  if (response.Dump(&slices).ok()) {
    for (const grpc::Slice& slice : slices) {
      joined_.append(reinterpret_cast<const char*>(slice.begin()), slice.size());
    }
  }
  bytes_ = joined_;
}

bool EventBatchReader::ReadBatch(absl::string_view batch) {
  payloads_.clear();
  if (!wire::SplitRepeated(batch, v1::EventBatch::kEventsFieldNumber, &payloads_)) return false;
  events_.clear();
  for (absl::string_view payload : payloads_) {
    if (!wire::ParseEvent(payload, &events_.emplace_back())) return false;
  }
  return ReadMatches(batch);
}

bool EventBatchReader::ReadMatches(absl::string_view batch) {
  payloads_.clear();
  ids_.clear();
  ids_ends_.clear();
  if (!wire::SplitRepeated(batch, v1::EventBatch::kMatchesFieldNumber, &payloads_)) return false;
  if (!payloads_.empty() && payloads_.size() != events_.size()) return false;
  for (absl::string_view payload : payloads_) {
    if (!wire::ParseRepeatedInt64(payload, v1::Matches::kSubscriptionIdsFieldNumber, &ids_)) {
      return false;
    }
    ids_ends_.push_back(ids_.size());
  }
  return true;
}

}  // namespace carillon::client
