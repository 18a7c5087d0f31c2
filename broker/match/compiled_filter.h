// A filter, checked and ready to be applied.
#ifndef CARILLON_BROKER_MATCH_COMPILED_FILTER_H_
#define CARILLON_BROKER_MATCH_COMPILED_FILTER_H_

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::match {

class ObjectConditions;

// Limits of a filter; see filter.proto.
inline constexpr size_t kFilterBytesMax = 64 * 1024;
inline constexpr size_t kFieldItemsMax = 10'000;
inline constexpr size_t kConditionsMax = 16;
inline constexpr size_t kPointerBytesMax = 1'024;
inline constexpr size_t kConditionValueBytesMax = 1'024;

// What a filter asks of one field: anything, or one of some values or prefixes. Both are sorted,
// and none is redundant: no prefix begins with another, no value with a prefix. So a text matches
// at most one of them all.
struct FieldPattern {
  bool any = true;
  std::vector<std::string> values;
  std::vector<std::string> prefixes;

  size_t item_count() const { return values.size() + prefixes.size(); }
  bool Matches(absl::string_view text) const;
};

// Immutable; any thread.
class CompiledFilter {
 public:
  // INVALID_ARGUMENT with a message that begins with the path of the faulty field, such as
  // "type.prefixes[2]: must not be empty", or without a path if the filter as a whole is at fault.
  static absl::StatusOr<std::shared_ptr<const CompiledFilter>> Compile(const v1::Filter& filter);

  ~CompiledFilter();

  const FieldPattern& type() const { return type_; }
  const FieldPattern& action() const { return action_; }
  const FieldPattern& key() const { return key_; }

  // Whether the three fields match; conditions are not looked at.
  bool MatchesFields(absl::string_view type, absl::string_view action, absl::string_view key) const;

  // Null if there are none. They are evaluated against a parsed object, once per event: see
  // object_conditions.h.
  const ObjectConditions* conditions() const { return conditions_.get(); }

 private:
  CompiledFilter();

  FieldPattern type_;
  FieldPattern action_;
  FieldPattern key_;
  std::unique_ptr<const ObjectConditions> conditions_;
};

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_COMPILED_FILTER_H_
