// Whether a text is JSON: the check, the document and another library agree.
#include <simdjson.h>

#include <algorithm>
#include <string>

#include "broker/json/check.h"
#include "broker/json/document.h"
#include "broker/json/exponents.h"
#include "tests/fuzz/fuzz.h"

using carillon::fuzz::Require;

namespace {

// simdjson knows no numbers beyond 64 bits and doubles, and passes over a byte order mark; so only
// what it takes tells something.
bool SimdjsonTakes(absl::string_view text) {
  static simdjson::dom::parser parser;
  return parser.parse(text.data(), text.size()).error() == simdjson::SUCCESS;
}

bool MayBeTooDeep(absl::string_view text) {
  return std::count_if(text.begin(), text.end(), [](char c) { return c == '[' || c == '{'; }) >
         carillon::json::kDepthMax;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const absl::string_view text = carillon::fuzz::TextOf(data, size);
  const bool is_json = carillon::json::Check(text).ok();
  carillon::json::Document document;
  Require(document.Parse(text) == is_json, "the document takes what the check takes");
  const carillon::json::Value* whole = document.Find({});
  Require((whole != nullptr) == is_json, "and has a value then");
  if (whole != nullptr && whole->kind == carillon::json::Kind::kObject) {
    static_cast<void>(document.Find({"a", "0", ""}));
  }
  const std::string cut = carillon::json::CutExponents(text);
  Require(cut.size() <= text.size(), "exponents are cut, not grown");
  Require(carillon::json::Check(cut).ok() == is_json, "which changes nothing about it");
  if (SimdjsonTakes(text) && !MayBeTooDeep(text)) {
    Require(is_json || text.substr(0, 3) == "\xef\xbb\xbf", "what another library takes is taken");
  }
  const auto tokens = carillon::json::SplitPointer(text);
  if (tokens.ok()) static_cast<void>(document.Find(*tokens));
  return 0;
}
