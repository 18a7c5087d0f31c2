#include "clients/cli/bench_marker.h"

#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace carillon::cli {
namespace {

bool TakeNumber(absl::string_view name, absl::string_view* text, int64_t* number) {
  if (!absl::ConsumePrefix(text, name)) return false;
  const size_t end = text->find_first_not_of("0123456789");
  const bool parsed = absl::SimpleAtoi(text->substr(0, end), number);
  text->remove_prefix(end == absl::string_view::npos ? text->size() : end);
  return parsed;
}

}  // namespace

v1::Event MakeBenchEvent(const BenchMarker& marker, size_t size) {
  v1::Event event;
  event.set_type("bench");
  event.set_action("publish");
  event.set_key(absl::StrCat("stream-", marker.stream));
  event.set_object(absl::StrCat("{\"run\":", marker.run, ",\"stream\":", marker.stream,
                                ",\"number\":", marker.number, ",\"sent_at\":", marker.sent_at,
                                ",\"pad\":\"\"}"));
  size_t encoded = event.ByteSizeLong();
  if (encoded >= size) return event;
  std::string* object = event.mutable_object();
  // From 128 bytes on the object's length takes a byte more.
  const bool longer_length = object->size() < 128 && object->size() + size - encoded >= 128;
  encoded += longer_length ? 1 : 0;
  object->insert(object->size() - 2, size - encoded, 'x');
  return event;
}

std::optional<BenchMarker> ParseBenchMarker(absl::string_view object) {
  BenchMarker marker;
  if (!TakeNumber("{\"run\":", &object, &marker.run) ||
      !TakeNumber(",\"stream\":", &object, &marker.stream) ||
      !TakeNumber(",\"number\":", &object, &marker.number) ||
      !TakeNumber(",\"sent_at\":", &object, &marker.sent_at)) {
    return std::nullopt;
  }
  return marker;
}

void SequenceChecker::Add(const BenchMarker& marker) {
  int64_t& next = next_[{marker.run, marker.stream}];
  if (marker.number < next) {
    ++repeated_;
    return;
  }
  lost_ += marker.number - next;
  next = marker.number + 1;
}

}  // namespace carillon::cli
