#include "broker/service/publish_results.h"

#include "absl/strings/string_view.h"
#include "broker/log/position.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/error.h"

namespace carillon::service {
namespace {

constexpr char Tag(int field_number, int wire_type) {
  return static_cast<char>(field_number << 3 | wire_type);
}

constexpr char kResultsTag = Tag(v1::PublishResponse::kResultsFieldNumber, 2);
static_assert(kResultsTag == Tag(v1::PublishStreamResponse::kResultsFieldNumber, 2));
constexpr char kPositionTag = Tag(v1::PublishResult::kPositionFieldNumber, 2);
constexpr char kDuplicateTag = Tag(v1::PublishResult::kDuplicateFieldNumber, 0);
constexpr size_t kPositionFieldSize = 2 + wire::kPositionSize;
constexpr size_t kResultSizeMax = 2 + kPositionFieldSize + 2;

void AppendCommitted(const log::AppendOutcome& outcome, uint32_t epoch, std::string* out) {
  const log::PositionText position = log::EncodePosition({epoch, outcome.sequence});
  out->push_back(kResultsTag);
  out->push_back(static_cast<char>(kPositionFieldSize + (outcome.duplicate ? 2 : 0)));
  out->push_back(kPositionTag);
  out->push_back(static_cast<char>(wire::kPositionSize));
  out->append(position.data(), position.size());
  if (outcome.duplicate) {
    out->push_back(kDuplicateTag);
    out->push_back(1);
  }
}

void AppendRefused(const absl::Status& status, std::string* out) {
  v1::PublishResponse one;
  *one.add_results()->mutable_error() = wire::ToRpcStatus(status);
  one.AppendToString(out);
}

}  // namespace

size_t BatchVerdict::bytes() const {
  // An error that explains itself holds its text about three times, and names of types.
  constexpr size_t kDetailsBytes = 256;
  size_t bytes = accepted.size() * sizeof(accepted[0]) + refused.size() * sizeof(refused[0]);
  for (const ingest::CheckedBatch::Refused& event : refused) {
    bytes += 3 * event.status.message().size() + kDetailsBytes;
  }
  return bytes;
}

std::string EncodePublishResults(const BatchVerdict& verdict, const absl::Status& commit,
                                 absl::Span<const log::AppendOutcome> outcomes, uint32_t epoch) {
  std::string out;
  out.reserve(verdict.accepted.size() * kResultSizeMax);
  size_t refused = 0;
  for (size_t i = 0; i < verdict.accepted.size(); ++i) {
    for (; refused < verdict.refused.size() &&
           verdict.refused[refused].index < verdict.accepted[i].index;
         ++refused) {
      AppendRefused(verdict.refused[refused].status, &out);
    }
    if (commit.ok()) {
      AppendCommitted(outcomes[i], epoch, &out);
    } else {
      AppendRefused(commit, &out);
    }
  }
  for (; refused < verdict.refused.size(); ++refused) {
    AppendRefused(verdict.refused[refused].status, &out);
  }
  return out;
}

}  // namespace carillon::service
