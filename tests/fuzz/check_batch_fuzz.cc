// A publish request: each of its events is either refused with a reason or becomes the record of
// the same event.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "broker/ingest/check_batch.h"
#include "broker/json/check.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/error.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace carillon::ingest {
namespace {

using fuzz::Require;

constexpr absl::string_view kCaller = "fred";

// What the caller may do, but for publishing the type "secret" and in the name of others than ann.
const access::Scope& CallersScope() {
  static const access::Scope* const scope = [] {
    std::vector<access::CompiledClaim> claims;
    v1::Claim claim;
    claim.set_scope("events");
    claim.set_action("post");
    claim.set_specific("a,machines,profiles");
    claims.push_back(access::CompiledClaim::Compile(claim).value());
    claim.set_action("post-as");
    claim.set_specific("ann");
    claims.push_back(access::CompiledClaim::Compile(claim).value());
    return new access::Scope(std::move(claims), std::nullopt);
  }();
  return *scope;
}

IngestLimits SmallLimits() {
  IngestLimits limits;
  limits.events_per_batch_max = 20;
  limits.object_bytes_max = 100;
  limits.type_bytes_max = limits.action_bytes_max = 20;
  limits.key_bytes_max = limits.principal_bytes_max = limits.event_id_bytes_max = 20;
  return limits;
}

bool IsShortText(const std::string& text) {
  return text.size() <= 20 &&
         std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

// Whether there is certainly nothing to be said against it.
bool IsGood(const v1::Event& event) {
  const std::string& type = event.type();
  const std::string& principal = event.principal();
  return (type == "a" || type == "machines" || type == "profiles") &&
         (principal.empty() || principal == "fred" || principal == "ann") &&
         !event.action().empty() && IsShortText(event.action()) && IsShortText(event.key()) &&
         IsShortText(event.event_id()) && event.time().seconds() >= 0 &&
         event.time().seconds() < 253'402'300'800 && event.time().nanos() >= 0 &&
         event.time().nanos() < 1'000'000'000 &&
         event.object().size() + event.original().size() <= 100 &&
         (event.object().empty() || json::Check(event.object()).ok()) &&
         (event.original().empty() || json::Check(event.original()).ok());
}

// `published` as it is to lie in the log.
void CheckAccepted(v1::Event published, const v1::Event& stored) {
  Require(!stored.type().empty() && stored.type().size() <= 20, "a type within its limit");
  Require(!stored.action().empty() && stored.action().size() <= 20, "an action within its limit");
  Require(stored.key().size() <= 20, "a key within its limit");
  Require(stored.principal() == "fred" || stored.principal() == "ann", "a principal that may be");
  Require(stored.object().size() + stored.original().size() <= 100, "an object within its limit");
  Require(stored.object().empty() || json::Check(stored.object()).ok(), "an object that is JSON");
  Require(stored.original().empty() || json::Check(stored.original()).ok(), "an original, too");
  Require(stored.time().nanos() >= 0 && stored.time().nanos() < 1'000'000'000, "a time");
  if (!published.has_time()) published.mutable_time()->set_seconds(1);
  if (published.principal().empty()) published.set_principal(std::string(kCaller));
  published.set_position(stored.position());
  published.DiscardUnknownFields();
  Require(stored.SerializeAsString() == published.SerializeAsString(), "the event as published");
}

}  // namespace
}  // namespace carillon::ingest

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace carillon::ingest;
  const absl::string_view encoded = carillon::fuzz::TextOf(data, size);
  const IngestLimits limits = SmallLimits();
  const auto checked =
      CheckBatch(encoded, kCaller, CallersScope(), limits, absl::FromUnixSeconds(1));
  carillon::v1::PublishRequest request;
  // Refuses what is not UTF-8 as a whole; CheckBatch refuses the events alone.
  const bool valid = request.ParseFromArray(data, static_cast<int>(size));
  if (!checked.ok()) {
    const bool countable =
        request.events_size() > 0 &&
        static_cast<size_t>(request.events_size()) <= limits.events_per_batch_max;
    Require(!valid || !countable,
            "a request is refused only if it is malformed, empty or too long");
    return 0;
  }
  for (const auto& refused : checked->refused) {
    Require(carillon::wire::ErrorInfoOf(refused.status).has_value(), "a refusal has a reason");
  }
  carillon::v1::EventBatch stored;
  Require(stored.ParseFromString(checked->records), "records end to end are a batch");
  Require(static_cast<size_t>(stored.events_size()) == checked->accepted.size(), "of all accepted");
  if (!valid) return 0;
  Require(checked->event_count() == static_cast<size_t>(request.events_size()), "none is left out");
  for (const auto& refused : checked->refused) {
    Require(!IsGood(request.events(static_cast<int>(refused.index))),
            "what is good is not refused");
  }
  for (size_t i = 0; i < checked->accepted.size(); ++i) {
    const auto& accepted = checked->accepted[i];
    const carillon::v1::Event& event = stored.events(static_cast<int>(i));
    CheckAccepted(request.events(static_cast<int>(accepted.index)), event);
    Require(checked->event_id(accepted) == event.event_id(), "the event id is where it should be");
  }
  return 0;
}
