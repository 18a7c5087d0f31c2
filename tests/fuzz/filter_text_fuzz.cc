// The text of a filter: what is read and written again is read as the same filter, and the broker
// takes it.
#include "broker/match/compiled_filter.h"
#include "carillon/client/filter_text.h"
#include "tests/fuzz/fuzz.h"

using carillon::fuzz::Require;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto filter = carillon::client::ParseFilterText(carillon::fuzz::TextOf(data, size));
  if (!filter.ok()) {
    Require(!filter.status().message().empty(), "a refusal says why");
    return 0;
  }
  const std::string text = carillon::client::FormatFilterText(*filter);
  const auto again = carillon::client::ParseFilterText(text);
  Require(again.ok(), "what was written can be read");
  Require(again->SerializeAsString() == filter->SerializeAsString(), "it is the same filter");
  Require(carillon::client::FormatFilterText(*again) == text, "it has one text");
  const auto compiled = carillon::match::CompiledFilter::Compile(*filter);
  Require(compiled.ok(), "the broker takes every filter that has a text");
  for (const std::string& value : filter->key().values()) {
    Require((*compiled)->key().Matches(value), "a filter matches its own values");
  }
  return 0;
}
