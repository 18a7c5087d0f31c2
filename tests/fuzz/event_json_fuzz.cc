// An event's JSON: what was read is written as JSON and read again as the same event.
#include "broker/json/check.h"
#include "carillon/client/event_json.h"
#include "carillon/v1/event.pb.h"
#include "tests/fuzz/fuzz.h"

namespace carillon::client {
namespace {

using fuzz::Require;

constexpr int64_t kNoTimeSeconds = -62'135'596'800;

bool IsAbsentOrJson(const std::string& text) { return text.empty() || json::Check(text).ok(); }

std::string Write(const v1::Event& event) {
  const std::string encoded = event.SerializeAsString();
  wire::EventView view;
  Require(wire::ParseEvent(encoded, &view), "an encoded event can be parsed");
  std::string json;
  AppendEventJson(view, &json);
  return json;
}

}  // namespace
}  // namespace carillon::client

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace carillon::client;
  auto event = ParseEventJson(carillon::fuzz::TextOf(data, size));
  if (!event.ok()) {
    Require(!event.status().message().empty(), "a refusal says why");
    return 0;
  }
  // Whether they are JSON is for the broker to judge.
  if (!IsAbsentOrJson(event->object()) || !IsAbsentOrJson(event->original())) return 0;
  const std::string written = Write(*event);
  Require(carillon::json::Check(written).ok(), "what is written is JSON");
  const auto again = ParseEventJson(written);
  Require(again.ok(), "what is written can be read");
  event->clear_event_id();
  if (!event->has_time()) event->mutable_time()->set_seconds(kNoTimeSeconds);
  Require(again->SerializeAsString() == event->SerializeAsString(), "it is the same event");
  Require(Write(*again) == written, "and is written alike");
  return 0;
}
