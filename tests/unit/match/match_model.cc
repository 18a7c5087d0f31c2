#include "tests/unit/match/match_model.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace carillon::match {
namespace {

// By the words of filter.proto.
bool FieldMatches(bool present, const v1::FieldMatch& match, absl::string_view text) {
  if (!present) return true;
  for (const std::string& value : match.values()) {
    if (text == value) return true;
  }
  for (const std::string& prefix : match.prefixes()) {
    if (absl::StartsWith(text, prefix)) return true;
  }
  return false;
}

bool Matches(const v1::Filter& filter, absl::string_view type, absl::string_view action,
             absl::string_view key) {
  return FieldMatches(filter.has_type(), filter.type(), type) &&
         FieldMatches(filter.has_action(), filter.action(), action) &&
         FieldMatches(filter.has_key(), filter.key(), key);
}

}  // namespace

uint32_t MatchModel::Choose(uint32_t bound) {
  if (choices_.empty()) return 0;
  const uint8_t byte = static_cast<uint8_t>(choices_.front());
  choices_.remove_prefix(1);
  return byte % bound;
}

std::string MatchModel::ChooseText() {
  std::string text(Choose(5), 'a');
  for (char& c : text) c = static_cast<char>('a' + Choose(3));
  return text;
}

void MatchModel::ChooseField(v1::FieldMatch* match) {
  // Long lists make the index give up telling fields apart.
  const bool is_long = Choose(8) == 0;
  const uint32_t values = Choose(is_long ? 40 : 3);
  const uint32_t prefixes = Choose(is_long ? 8 : 3);
  for (uint32_t i = 0; i < values; ++i) match->add_values(ChooseText());
  for (uint32_t i = 0; i < prefixes; ++i) match->add_prefixes(ChooseText() + "a");
  if (values + prefixes == 0) match->add_values(ChooseText());
}

v1::Filter MatchModel::ChooseFilter() {
  v1::Filter filter;
  const uint32_t fields = Choose(8);
  if ((fields & 1) != 0) ChooseField(filter.mutable_type());
  if ((fields & 2) != 0) ChooseField(filter.mutable_action());
  if ((fields & 4) != 0) ChooseField(filter.mutable_key());
  return filter;
}

void MatchModel::Add() {
  FilterSlot slot = static_cast<FilterSlot>(held_.size());
  if (!free_slots_.empty()) {
    slot = free_slots_.back();
    free_slots_.pop_back();
  }
  // At times one that is there already, and then under the same compiled filter.
  if (!held_.empty() && Choose(4) == 0) {
    const Held& other = std::next(held_.begin(), Choose(held_.size()))->second;
    held_[slot] = Held{other};
  } else {
    v1::Filter filter = ChooseFilter();
    auto compiled = CompiledFilter::Compile(filter);
    held_[slot] = Held{std::move(filter), compiled.value()};
  }
  index_.Add(slot, held_[slot].compiled);
  ++filters_added_;
}

void MatchModel::Remove() {
  if (held_.empty()) return;
  const auto it = std::next(held_.begin(), Choose(static_cast<uint32_t>(held_.size())));
  index_.Remove(it->first);
  free_slots_.push_back(it->first);
  held_.erase(it);
}

std::string MatchModel::Match() {
  const std::string type = ChooseText();
  const std::string action = ChooseText();
  const std::string key = ChooseText();
  std::vector<FilterSlot> expected;
  for (const auto& [slot, held] : held_) {
    const bool matches = Matches(held.filter, type, action, key);
    if (held.compiled->MatchesFields(type, action, key) != matches) {
      return absl::StrCat("CompiledFilter is wrong about \"", type, ".", action, ".", key,
                          "\" and ", held.filter.ShortDebugString());
    }
    if (matches) expected.push_back(slot);
  }
  index_.Match(type, action, key, &found_);
  std::sort(found_.begin(), found_.end());
  events_matched_ += expected.empty() ? 0 : 1;
  if (found_ == expected) return "";
  return absl::StrCat("MatchIndex finds ", found_.size(), " filters for \"", type, ".", action, ".",
                      key, "\" where there are ", expected.size(), " among ", held_.size());
}

std::string MatchModel::Run(absl::string_view choices) {
  choices_ = choices;
  const size_t memory_when_empty = index_.memory_bytes();
  while (!choices_.empty()) {
    const uint32_t what = Choose(8);
    if (what < 3) {
      Add();
    } else if (what < 5) {
      Remove();
    } else if (std::string fault = Match(); !fault.empty()) {
      return fault;
    }
    if (index_.size() != held_.size()) return "MatchIndex::size() is wrong";
  }
  while (!held_.empty()) Remove();
  free_slots_.clear();
  if (index_.memory_bytes() == memory_when_empty) return "";
  return absl::StrCat("MatchIndex keeps ", index_.memory_bytes(), " bytes though it is empty");
}

}  // namespace carillon::match
