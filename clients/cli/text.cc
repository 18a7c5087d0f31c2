#include "clients/cli/text.h"

#include <google/protobuf/struct.pb.h>
#include <google/protobuf/util/json_util.h>

#include <algorithm>
#include <array>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "deploy/program/units.h"

namespace carillon::cli {
namespace {

struct OperatorName {
  absl::string_view text;
  v1::Condition::Operator value;
};

constexpr std::array<OperatorName, 10> kOperators = {{
    {"=", v1::Condition::OPERATOR_EQUAL},
    {"==", v1::Condition::OPERATOR_EQUAL},
    {"!=", v1::Condition::OPERATOR_NOT_EQUAL},
    {"<", v1::Condition::OPERATOR_LESS},
    {"<=", v1::Condition::OPERATOR_LESS_OR_EQUAL},
    {">", v1::Condition::OPERATOR_GREATER},
    {">=", v1::Condition::OPERATOR_GREATER_OR_EQUAL},
    {"^=", v1::Condition::OPERATOR_PREFIX},
    {"exists", v1::Condition::OPERATOR_EXISTS},
    {"missing", v1::Condition::OPERATOR_NOT_EXISTS},
}};

const OperatorName* FindOperator(absl::string_view word) {
  for (const OperatorName& name : kOperators) {
    if (name.text == word) return &name;
  }
  return nullptr;
}

absl::Status ConditionError(absl::string_view text, absl::string_view what) {
  return absl::InvalidArgumentError(
      absl::StrCat("condition \"", text, "\": ", what,
                   "; write POINTER OPERATOR VALUE, such as \"/Meta/color = blue\", with one of "
                   "= != < <= > >= ^= exists missing"));
}

void SetValue(absl::string_view text, v1::Condition* condition) {
  int64_t integer = 0;
  double number = 0;
  google::protobuf::Value json;
  if (absl::SimpleAtoi(text, &integer)) {
    condition->set_int64_value(integer);
  } else if (!text.empty() && (absl::ascii_isdigit(text.front()) || text.front() == '-') &&
             absl::SimpleAtod(text, &number)) {
    condition->set_double_value(number);
  } else if (text == "true" || text == "false") {
    condition->set_bool_value(text == "true");
  } else if (text == "null") {
    condition->set_null_value(google::protobuf::NULL_VALUE);
  } else if (text.size() >= 2 && text.front() == '"' && text.back() == '"' &&
             google::protobuf::util::JsonStringToMessage(std::string(text), &json).ok() &&
             json.has_string_value()) {
    condition->set_string_value(json.string_value());
  } else {
    condition->set_string_value(std::string(text));
  }
}

}  // namespace

absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text) {
  int64_t seconds = 0;
  if (absl::SimpleAtoi(text, &seconds) && seconds >= 0) return absl::Seconds(seconds);
  absl::StatusOr<absl::Duration> duration = program::ParseDuration(text);
  if (duration.ok()) return duration;
  return absl::InvalidArgumentError(absl::StrCat(
      "\"", text,
      "\" is not a duration; write seconds (600) or a number with a unit (10m, 1h30m, 30d)"));
}

absl::StatusOr<absl::Time> ParseTimeText(absl::string_view text) {
  absl::Time time;
  std::string error;
  if (absl::ParseTime(absl::RFC3339_full, text, &time, &error)) return time;
  return absl::InvalidArgumentError(
      absl::StrCat("\"", text, "\" is not a time; write RFC 3339, such as 2017-12-21T23:26:43Z"));
}

absl::StatusOr<v1::Condition> ParseCondition(absl::string_view text) {
  const absl::string_view stripped = absl::StripAsciiWhitespace(text);
  // The pointer may be empty or hold spaces: the first word that is an operator ends it.
  size_t op_begin = 0;
  const OperatorName* op = nullptr;
  for (;;) {
    const size_t op_end = std::min(stripped.find(' ', op_begin), stripped.size());
    op = FindOperator(stripped.substr(op_begin, op_end - op_begin));
    if (op != nullptr) break;
    if (op_end == stripped.size()) return ConditionError(text, "there is no operator in it");
    op_begin = op_end + 1;
  }
  v1::Condition condition;
  const absl::string_view pointer = absl::StripAsciiWhitespace(stripped.substr(0, op_begin));
  if (!pointer.empty() && pointer.front() != '/') {
    return ConditionError(text, "the JSON Pointer has to begin with \"/\"");
  }
  condition.set_pointer(std::string(pointer));
  condition.set_operator_(op->value);
  const absl::string_view value =
      absl::StripAsciiWhitespace(stripped.substr(op_begin + op->text.size()));
  const bool takes_value = op->value != v1::Condition::OPERATOR_EXISTS &&
                           op->value != v1::Condition::OPERATOR_NOT_EXISTS;
  if (takes_value == value.empty()) {
    return ConditionError(text, takes_value ? "the value is missing" : "it takes no value");
  }
  if (takes_value) SetValue(value, &condition);
  if (op->value == v1::Condition::OPERATOR_PREFIX && !condition.has_string_value()) {
    condition.set_string_value(std::string(value));
  }
  return condition;
}

absl::StatusOr<v1::Claim> ParseClaim(absl::string_view text) {
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('.', 2));
  const bool whole =
      parts.size() == 3 && !parts[0].empty() && !parts[1].empty() && !parts[2].empty();
  if (!whole) {
    return absl::InvalidArgumentError(
        absl::StrCat("claim \"", text,
                     "\" needs three parts; write scope.action.specific, such as machines.*.* or "
                     "events.post.profiles,machines"));
  }
  const auto unescape = [](absl::string_view part) {
    return absl::StrReplaceAll(part, {{"\\1", "."}});
  };
  v1::Claim claim;
  claim.set_scope(unescape(parts[0]));
  claim.set_action(unescape(parts[1]));
  claim.set_specific(unescape(parts[2]));
  return claim;
}

std::vector<std::string> SplitList(absl::string_view text) {
  std::vector<std::string> items;
  for (absl::string_view item : absl::StrSplit(text, ',')) {
    item = absl::StripAsciiWhitespace(item);
    if (!item.empty()) items.emplace_back(item);
  }
  return items;
}

}  // namespace carillon::cli
