// Finds, among very many filters, those that an event matches.
#ifndef CARILLON_BROKER_MATCH_MATCH_INDEX_H_
#define CARILLON_BROKER_MATCH_MATCH_INDEX_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/strings/string_view.h"
#include "broker/match/compiled_filter.h"

namespace carillon::match {

// Names a filter in an index; chosen by the caller, dense from 0, reused after Remove.
using FilterSlot = uint32_t;

// Not thread-safe: one thread at a time, reading included.
//
// Filters live in a tree of three levels: what they ask of the type, of the action, of the key.
// Each is "any", a value or a prefix, and a filter with lists has a leaf for each combination of
// theirs. An event goes down only where its own value, one of its prefixes or "any" leads on: a few
// hash look-ups however many filters there are, and however they are chosen never more than about
// one for each.
class MatchIndex {
 public:
  MatchIndex();
  ~MatchIndex();
  MatchIndex(const MatchIndex&) = delete;
  MatchIndex& operator=(const MatchIndex&) = delete;

  // `slot` must be free.
  void Add(FilterSlot slot, std::shared_ptr<const CompiledFilter> filter);

  // `slot` must be taken.
  void Remove(FilterSlot slot);

  // Replaces the content of `slots` with those whose three fields match, each once, in no
  // particular order. Conditions are not looked at. Allocates nothing but, when needed, room in
  // `slots`.
  void Match(absl::string_view type, absl::string_view action, absl::string_view key,
             std::vector<FilterSlot>* slots);

  // Filters held.
  size_t size() const;

  // About what the index has allocated, the filters themselves not included. Walks all of it.
  size_t memory_bytes() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_MATCH_INDEX_H_
