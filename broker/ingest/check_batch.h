// Turns an encoded publish request into records for the log, refusing what is faulty or not
// allowed.
#ifndef CARILLON_BROKER_INGEST_CHECK_BATCH_H_
#define CARILLON_BROKER_INGEST_CHECK_BATCH_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/access/scope.h"

namespace carillon::ingest {

// What a request may hold; see event.proto, which documents these for publishers.
struct IngestLimits {
  size_t events_per_batch_max = 10'000;
  // Object and original of one event together, in bytes.
  size_t object_bytes_max = size_t{1} << 20;
  size_t type_bytes_max = 128;
  size_t action_bytes_max = 128;
  size_t key_bytes_max = 1'024;
  size_t principal_bytes_max = 256;
  size_t event_id_bytes_max = 128;
};

// A batch that was checked: of n events in the request each is either accepted or refused.
class CheckedBatch {
 public:
  struct Accepted {
    // Which event of the request.
    uint32_t index;
    // Where its record is in `records`.
    uint32_t offset;
    uint32_t size;
    uint32_t event_id_size;
  };
  struct Refused {
    // Which event of the request.
    uint32_t index;
    // INVALID_ARGUMENT with a BadRequest whose field is such as "events[3].object", or
    // PERMISSION_DENIED with reason CLAIM_MISSING; after very many the code alone.
    absl::Status status;
  };

  size_t event_count() const { return accepted.size() + refused.size(); }
  absl::string_view record(const Accepted& event) const {
    return absl::string_view(records).substr(event.offset, event.size);
  }
  // Empty if it has none. The last field of a record is its event id.
  absl::string_view event_id(const Accepted& event) const {
    return absl::string_view(records).substr(event.offset + event.size - event.event_id_size,
                                             event.event_id_size);
  }

  // Records made by wire::AppendEventRecord, end to end, in the order of `accepted`.
  std::string records;
  // Both in the order of the request.
  std::vector<Accepted> accepted;
  std::vector<Refused> refused;
};

// Checks an encoded PublishRequest or PublishStreamRequest of the user `caller`, who has the rights
// of `scope`. Each event is checked by itself: its time is set to `now` if it has none, its
// principal to the caller. Publishing needs the claim {"events", "post", TYPE}, another's principal
// also {"events", "post-as", PRINCIPAL}. INVALID_ARGUMENT for the whole request: it is not valid
// protobuf, holds no event or too many. Pure; any thread.
absl::StatusOr<CheckedBatch> CheckBatch(absl::string_view encoded_request, absl::string_view caller,
                                        const access::Scope& scope, const IngestLimits& limits,
                                        absl::Time now);

}  // namespace carillon::ingest

#endif  // CARILLON_BROKER_INGEST_CHECK_BATCH_H_
