// Takes responses that carry events apart in place.
#ifndef CARILLON_CLIENTS_CPP_SRC_EVENT_BATCH_READER_H_
#define CARILLON_CLIENTS_CPP_SRC_EVENT_BATCH_READER_H_

#include <grpcpp/support/byte_buffer.h>
#include <grpcpp/support/slice.h>

#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "carillon/wire/event_view.h"

namespace carillon::client {

class EventBatchReader {
 public:
  enum class Content { kEvents, kOther, kMalformed };

  // `response` holds an encoded SubscribeResponse or WatchResponse. kOther: it has no EventBatch,
  // bytes() is for the generated class to parse.
  Content Read(const grpc::ByteBuffer& response);

  // All of these live until the next Read.
  absl::string_view bytes() const { return bytes_; }
  absl::Span<const wire::EventView> events() const { return events_; }
  // The ids of the subscriptions that events()[index] matched; none on a Watch.
  absl::Span<const int64_t> MatchesOf(size_t index) const;

 private:
  void Flatten(const grpc::ByteBuffer& response);
  bool ReadBatch(absl::string_view batch);
  bool ReadMatches(absl::string_view batch);

  grpc::Slice slice_;
  std::string joined_;
  absl::string_view bytes_;
  std::vector<absl::string_view> payloads_;
  std::vector<wire::EventView> events_;
  // The ids of all events end to end, and where those of each end.
  std::vector<int64_t> ids_;
  std::vector<size_t> ids_ends_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_EVENT_BATCH_READER_H_
