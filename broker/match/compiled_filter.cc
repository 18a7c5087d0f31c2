#include "broker/match/compiled_filter.h"

#include <algorithm>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/match/object_conditions.h"

namespace carillon::match {
namespace {

using Texts = std::vector<std::string>;

// The only one of `prefixes` that `text` can begin with is the last that does not sort after it:
// texts with a common prefix are neighbours, and no prefix begins with another.
bool BeginsWithOne(absl::string_view text, const Texts& prefixes) {
  const auto after =
      std::upper_bound(prefixes.begin(), prefixes.end(), text,
                       [](absl::string_view a, absl::string_view b) { return a < b; });
  return after != prefixes.begin() && absl::StartsWith(text, *std::prev(after));
}

void SortUnique(Texts* texts) {
  std::sort(texts->begin(), texts->end());
  texts->erase(std::unique(texts->begin(), texts->end()), texts->end());
}

// Removes those that begin with another. In sorted order that other comes before them, with only
// such between that begin with it, too.
void RemoveRedundant(Texts* sorted_prefixes) {
  Texts kept;
  for (std::string& prefix : *sorted_prefixes) {
    if (kept.empty() || !absl::StartsWith(prefix, kept.back())) kept.push_back(std::move(prefix));
  }
  *sorted_prefixes = std::move(kept);
}

absl::Status CompileField(absl::string_view path, const v1::FieldMatch& match,
                          FieldPattern* pattern) {
  const size_t items =
      static_cast<size_t>(match.values_size()) + static_cast<size_t>(match.prefixes_size());
  if (items == 0) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": needs a value or a prefix; to match any ", path, " leave the member out"));
  }
  if (items > kFieldItemsMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        path, ": has ", items, " values and prefixes; at most ", kFieldItemsMax, " are allowed"));
  }
  for (int i = 0; i < match.prefixes_size(); ++i) {
    if (!match.prefixes(i).empty()) continue;
    return absl::InvalidArgumentError(absl::StrCat(path, ".prefixes[", i,
                                                   "]: must not be empty; to match any ", path,
                                                   " leave the member out"));
  }
  pattern->any = false;
  pattern->prefixes.assign(match.prefixes().begin(), match.prefixes().end());
  SortUnique(&pattern->prefixes);
  RemoveRedundant(&pattern->prefixes);
  pattern->prefixes.shrink_to_fit();
  for (const std::string& value : match.values()) {
    if (!BeginsWithOne(value, pattern->prefixes)) pattern->values.push_back(value);
  }
  SortUnique(&pattern->values);
  pattern->values.shrink_to_fit();
  return absl::OkStatus();
}

}  // namespace

bool FieldPattern::Matches(absl::string_view text) const {
  return any || BeginsWithOne(text, prefixes) ||
         std::binary_search(values.begin(), values.end(), text,
                            [](absl::string_view a, absl::string_view b) { return a < b; });
}

CompiledFilter::CompiledFilter() = default;
CompiledFilter::~CompiledFilter() = default;

absl::StatusOr<std::shared_ptr<const CompiledFilter>> CompiledFilter::Compile(
    const v1::Filter& filter) {
  const size_t size = filter.ByteSizeLong();
  if (size > kFilterBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("has ", size, " bytes encoded; at most ", kFilterBytesMax, " are allowed"));
  }
  std::shared_ptr<CompiledFilter> compiled(new CompiledFilter());
  absl::Status status;
  if (filter.has_type()) status.Update(CompileField("type", filter.type(), &compiled->type_));
  if (filter.has_action()) {
    status.Update(CompileField("action", filter.action(), &compiled->action_));
  }
  if (filter.has_key()) status.Update(CompileField("key", filter.key(), &compiled->key_));
  if (!status.ok()) return status;
  if (filter.conditions_size() > 0) {
    auto conditions = ObjectConditions::Compile(filter.conditions());
    if (!conditions.ok()) return conditions.status();
    compiled->conditions_ = *std::move(conditions);
  }
  return compiled;
}

bool CompiledFilter::MatchesFields(absl::string_view type, absl::string_view action,
                                   absl::string_view key) const {
  return type_.Matches(type) && action_.Matches(action) && key_.Matches(key);
}

}  // namespace carillon::match
