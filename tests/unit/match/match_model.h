// Puts MatchIndex beside the plainest way to do its work. Driven by bytes, so that a random
// generator and a fuzzer can do so alike.
#ifndef CARILLON_TESTS_UNIT_MATCH_MATCH_MODEL_H_
#define CARILLON_TESTS_UNIT_MATCH_MATCH_MODEL_H_

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/match/match_index.h"

namespace carillon::match {

class MatchModel {
 public:
  // Does what `choices` tell, adding, removing and matching, and in the end removes what is left.
  // Returns what was wrong first; empty if nothing was.
  std::string Run(absl::string_view choices);

  int events_matched() const { return events_matched_; }
  int filters_added() const { return filters_added_; }

 private:
  struct Held {
    v1::Filter filter;
    std::shared_ptr<const CompiledFilter> compiled;
  };

  // Less than `bound`; 0 when there are no more choices.
  uint32_t Choose(uint32_t bound);
  // From few, so that they meet.
  std::string ChooseText();
  void ChooseField(v1::FieldMatch* match);
  v1::Filter ChooseFilter();

  void Add();
  void Remove();
  std::string Match();

  absl::string_view choices_;
  MatchIndex index_;
  std::map<FilterSlot, Held> held_;
  std::vector<FilterSlot> free_slots_;
  std::vector<FilterSlot> found_;
  int events_matched_ = 0;
  int filters_added_ = 0;
};

}  // namespace carillon::match

#endif  // CARILLON_TESTS_UNIT_MATCH_MATCH_MODEL_H_
