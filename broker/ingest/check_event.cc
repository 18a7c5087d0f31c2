#include "broker/ingest/check_event.h"

#include <simdjson.h>

#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "broker/json/check.h"
#include "carillon/wire/error.h"

namespace carillon::ingest {
namespace {

// 0001-01-01T00:00:00Z and 9999-12-31T23:59:59Z.
constexpr int64_t kSecondsMin = -62'135'596'800;
constexpr int64_t kSecondsMax = 253'402'300'799;
constexpr int32_t kNanosMax = 999'999'999;

constexpr absl::string_view kBrief = "refused as 1,000 before it were";

bool IsControl(unsigned char c) { return c < 0x20 || c == 0x7f; }

std::string TooLong(size_t bytes, size_t bytes_max) {
  return absl::StrCat("has ", bytes, " bytes; at most ", bytes_max, " are allowed");
}

std::string DescribeControl(absl::string_view text) {
  size_t i = 0;
  while (!IsControl(static_cast<unsigned char>(text[i]))) ++i;
  return absl::StrFormat("must not hold control characters; byte %d is 0x%02x", i,
                         static_cast<unsigned char>(text[i]));
}

// What is wrong with a text, if anything.
std::optional<std::string> FaultOfText(absl::string_view text, size_t bytes_max) {
  if (text.size() > bytes_max) return TooLong(text.size(), bytes_max);
  bool has_control = false;
  unsigned char all_bits = 0;
  for (const char c : text) {
    has_control |= IsControl(static_cast<unsigned char>(c));
    all_bits |= static_cast<unsigned char>(c);
  }
  if (has_control) return DescribeControl(text);
  const bool is_ascii = all_bits < 0x80;
  if (!is_ascii && !simdjson::validate_utf8(text.data(), text.size())) return "must be UTF-8";
  return std::nullopt;
}

}  // namespace

EventChecker::EventChecker(absl::string_view caller, const access::Scope& scope,
                           const IngestLimits& limits, absl::Time now)
    : caller_(caller), scope_(scope), limits_(limits) {
  const timespec time = absl::ToTimespec(now);
  now_ = {time.tv_sec, static_cast<int32_t>(time.tv_nsec)};
}

absl::Status EventChecker::Check(size_t index, wire::EventView* event) {
  if (!event->has_time) {
    event->has_time = true;
    event->time = now_;
  }
  if (event->principal.empty()) event->principal = caller_;
  absl::Status status = CheckAll(index, *event);
  if (!status.ok()) ++errors_;
  return status;
}

absl::Status EventChecker::CheckAll(size_t index, const wire::EventView& event) {
  absl::Status status = CheckTexts(index, event);
  if (status.ok()) status = CheckTime(index, event.time);
  if (status.ok()) status = CheckRights(index, event);
  if (status.ok()) status = CheckJson(index, event);
  return status;
}

absl::Status EventChecker::FieldError(size_t index, absl::string_view field,
                                      absl::string_view description) const {
  if (errors_ >= kErrorsExplainedMax) return absl::InvalidArgumentError(kBrief);
  return wire::FieldError(absl::StrCat("events[", index, "].", field), description);
}

absl::Status EventChecker::MissingClaim(size_t index, absl::string_view action,
                                        absl::string_view specific,
                                        absl::string_view reason) const {
  if (errors_ >= kErrorsExplainedMax) return absl::PermissionDeniedError(kBrief);
  return wire::Error(absl::StatusCode::kPermissionDenied, "CLAIM_MISSING",
                     absl::StrCat("events[", index, "]: ", reason),
                     {{"scope", "events"}, {"action", action}, {"specific", specific}});
}

absl::Status EventChecker::CheckTime(size_t index, const wire::EventTime& time) const {
  if (time.seconds < kSecondsMin || time.seconds > kSecondsMax) {
    return FieldError(
        index, "time",
        absl::StrCat("seconds is ", time.seconds, "; must be within the years 0001 to 9999"));
  }
  if (time.nanos < 0 || time.nanos > kNanosMax) {
    return FieldError(index, "time",
                      absl::StrCat("nanos is ", time.nanos, "; must be 0 to ", kNanosMax));
  }
  return absl::OkStatus();
}

absl::Status EventChecker::CheckTexts(size_t index, const wire::EventView& event) const {
  struct Rule {
    absl::string_view field;
    absl::string_view text;
    size_t bytes_max;
    bool required;
  };
  const Rule rules[] = {
      {"type", event.type, limits_.type_bytes_max, true},
      {"action", event.action, limits_.action_bytes_max, true},
      {"key", event.key, limits_.key_bytes_max, false},
      {"principal", event.principal, limits_.principal_bytes_max, false},
      {"event_id", event.event_id, limits_.event_id_bytes_max, false},
  };
  for (const Rule& rule : rules) {
    if (rule.required && rule.text.empty()) {
      return FieldError(
          index, rule.field,
          absl::StrCat("must not be empty; 1 to ", rule.bytes_max, " bytes are allowed"));
    }
    if (const auto fault = FaultOfText(rule.text, rule.bytes_max); fault.has_value()) {
      return FieldError(index, rule.field, *fault);
    }
  }
  return absl::OkStatus();
}

absl::Status EventChecker::CheckRights(size_t index, const wire::EventView& event) {
  if (event.type != allowed_type_) {
    if (!scope_.Covers("events", "post", event.type)) {
      return MissingClaim(index, "post", event.type,
                          scope_.Check("events", "post", event.type).reason);
    }
    allowed_type_ = event.type;
  }
  if (event.principal != caller_ && !scope_.Covers("events", "post-as", event.principal)) {
    return MissingClaim(index, "post-as", event.principal,
                        absl::StrCat("publishing as another principal ",
                                     scope_.Check("events", "post-as", event.principal).reason));
  }
  return absl::OkStatus();
}

absl::Status EventChecker::CheckJson(size_t index, const wire::EventView& event) const {
  const size_t bytes = event.object.size() + event.original.size();
  if (bytes > limits_.object_bytes_max) {
    return FieldError(index, "object",
                      absl::StrCat(event.original.empty() ? "" : "together with original ",
                                   TooLong(bytes, limits_.object_bytes_max)));
  }
  if (!event.object.empty()) {
    const absl::Status status = json::Check(event.object);
    if (!status.ok()) return FieldError(index, "object", status.message());
  }
  if (!event.original.empty()) {
    const absl::Status status = json::Check(event.original);
    if (!status.ok()) return FieldError(index, "original", status.message());
  }
  return absl::OkStatus();
}

}  // namespace carillon::ingest
