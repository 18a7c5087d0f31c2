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

// Applies them to the events of one request. What it is made with must remain live.
class EventChecker {
 public:
  EventChecker(absl::string_view caller, const access::Scope& scope, const IngestLimits& limits,
               absl::Time now);

  // Fills in time and principal. An error names its field as "events[index].…". Allocates only on
  // error.
  absl::Status Check(size_t index, wire::EventView* event);

 private:
  absl::Status CheckTexts(size_t index, const wire::EventView& event) const;
  absl::Status CheckJson(size_t index, const wire::EventView& event) const;
  absl::Status CheckRights(size_t index, const wire::EventView& event);

  const absl::string_view caller_;
  const access::Scope& scope_;
  const IngestLimits& limits_;
  wire::EventTime now_;
  // The last one that the caller may publish: most batches hold one type.
  absl::string_view allowed_type_;
};

}  // namespace carillon::ingest

#endif  // CARILLON_BROKER_INGEST_CHECK_EVENT_H_
