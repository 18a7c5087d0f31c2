// The answer to a batch, encoded without building a message object for each event.
#ifndef CARILLON_BROKER_SERVICE_PUBLISH_RESULTS_H_
#define CARILLON_BROKER_SERVICE_PUBLISH_RESULTS_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "broker/ingest/check_batch.h"
#include "broker/log/event_log.h"

namespace carillon::service {

// Which events of a request were accepted and which refused, both in the order of the request.
struct BatchVerdict {
  std::vector<ingest::CheckedBatch::Accepted> accepted;
  std::vector<ingest::CheckedBatch::Refused> refused;

  // About what it, and then the answer, takes of memory.
  size_t bytes() const;
};

// An encoded PublishResponse, or PublishStreamResponse: a result for each event of the request.
// `outcomes` belong to the accepted ones; if `commit` is not OK, they all failed with it.
std::string EncodePublishResults(const BatchVerdict& verdict, const absl::Status& commit,
                                 absl::Span<const log::AppendOutcome> outcomes, uint32_t epoch);

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_PUBLISH_RESULTS_H_
