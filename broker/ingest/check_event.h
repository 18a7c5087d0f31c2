// The rules for one event of a publish request.
#ifndef CARILLON_BROKER_INGEST_CHECK_EVENT_H_
#define CARILLON_BROKER_INGEST_CHECK_EVENT_H_

#include <cstddef>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/access/scope.h"
#include "broker/ingest/check_batch.h"
#include "carillon/wire/event_view.h"

namespace carillon::ingest {

// An error that tells all takes a hundred times the bytes of the smallest event, and a batch may
// hold very many.
inline constexpr size_t kErrorsExplainedMax = 1'000;

// Applies them to the events of one request. What it is made with must remain live.
class EventChecker {
 public:
  EventChecker(absl::string_view caller, const access::Scope& scope, const IngestLimits& limits,
               absl::Time now);

  // Fills in time and principal. An error names its field as "events[index].…"; after
  // kErrorsExplainedMax errors the next ones have a code and little more.
  absl::Status Check(size_t index, wire::EventView* event);

 private:
  absl::Status CheckAll(size_t index, const wire::EventView& event);
  absl::Status CheckTexts(size_t index, const wire::EventView& event) const;
  absl::Status CheckTime(size_t index, const wire::EventTime& time) const;
  absl::Status CheckJson(size_t index, const wire::EventView& event) const;
  absl::Status CheckRights(size_t index, const wire::EventView& event);
  absl::Status FieldError(size_t index, absl::string_view field,
                          absl::string_view description) const;
  absl::Status MissingClaim(size_t index, absl::string_view action, absl::string_view specific,
                            absl::string_view reason) const;

  const absl::string_view caller_;
  const access::Scope& scope_;
  const IngestLimits& limits_;
  wire::EventTime now_;
  // The last one that the caller may publish: most batches hold one type.
  absl::string_view allowed_type_;
  size_t errors_ = 0;
};

}  // namespace carillon::ingest

#endif  // CARILLON_BROKER_INGEST_CHECK_EVENT_H_
