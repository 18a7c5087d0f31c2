// A filter, checked and ready to be applied.
#ifndef CARILLON_BROKER_MATCH_COMPILED_FILTER_H_
#define CARILLON_BROKER_MATCH_COMPILED_FILTER_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::match {

class ObjectConditions;

// What a filter asks of one field: anything, or one of some values or prefixes (both sorted,
// without repeats).
struct FieldPattern {
  bool any = true;
  std::vector<std::string> values;
  std::vector<std::string> prefixes;

  bool Matches(absl::string_view text) const;
};

// Immutable; any thread.
class CompiledFilter {
 public:
  // INVALID_ARGUMENT with a message that begins with the path of the faulty field, such as
  // "type.prefixes[2]: must not be empty".
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
