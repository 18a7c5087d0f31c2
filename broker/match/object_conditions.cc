#include "broker/match/object_conditions.h"

#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/json/document.h"
#include "broker/json/number.h"
#include "broker/match/compiled_filter.h"

namespace carillon::match {
namespace {

using v1::Condition;

enum class Order { kNone, kLess, kEqual, kGreater };

Order OrderOf(int comparison) {
  if (comparison == 0) return Order::kEqual;
  return comparison < 0 ? Order::kLess : Order::kGreater;
}

bool IsOrdering(Condition::Operator op) {
  return op == Condition::OPERATOR_LESS || op == Condition::OPERATOR_LESS_OR_EQUAL ||
         op == Condition::OPERATOR_GREATER || op == Condition::OPERATOR_GREATER_OR_EQUAL;
}

bool IsAboutExistence(Condition::Operator op) {
  return op == Condition::OPERATOR_EXISTS || op == Condition::OPERATOR_NOT_EXISTS;
}

absl::Status CheckOperatorAndValue(const Condition& condition) {
  const Condition::Operator op = condition.operator_();
  const Condition::ValueCase value = condition.value_case();
  if (op == Condition::OPERATOR_UNSPECIFIED || !Condition::Operator_IsValid(op)) {
    return absl::InvalidArgumentError("operator: must be one of the operators, such as EQUAL");
  }
  if (IsAboutExistence(op)) {
    if (value == Condition::VALUE_NOT_SET) return absl::OkStatus();
    return absl::InvalidArgumentError("value: must not be set with EXISTS and NOT_EXISTS");
  }
  if (value == Condition::VALUE_NOT_SET) {
    return absl::InvalidArgumentError("value: must be set, for the operator compares with it");
  }
  if (op == Condition::OPERATOR_PREFIX && value != Condition::kStringValue) {
    return absl::InvalidArgumentError("string_value: must be set with PREFIX");
  }
  if (IsOrdering(op) && (value == Condition::kBoolValue || value == Condition::kNullValue)) {
    return absl::InvalidArgumentError(
        "value: must be a string or a number with LESS and GREATER; true, false and null have no "
        "order");
  }
  if (condition.string_value().size() > kConditionValueBytesMax) {
    return absl::InvalidArgumentError(
        absl::StrCat("string_value: has ", condition.string_value().size(), " bytes; at most ",
                     kConditionValueBytesMax, " are allowed"));
  }
  if (value == Condition::kDoubleValue && !std::isfinite(condition.double_value())) {
    return absl::InvalidArgumentError("double_value: must be finite, for JSON has no such number");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<std::string>> CompilePointer(const std::string& pointer) {
  if (pointer.size() > kPointerBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat(
        "pointer: has ", pointer.size(), " bytes; at most ", kPointerBytesMax, " are allowed"));
  }
  auto tokens = json::SplitPointer(pointer);
  if (tokens.ok()) return tokens;
  return absl::InvalidArgumentError(absl::StrCat("pointer: ", tokens.status().message()));
}

}  // namespace

struct ObjectConditions::Compiled {
  std::vector<std::string> pointer;
  Condition::Operator op;
  Condition::ValueCase value_case;
  std::string string_value;
  int64_t int64_value = 0;
  double double_value = 0;
  bool bool_value = false;

  // How the value found stands to the one given; kNone if they are of different types.
  Order Compare(const json::Value& found) const;
  bool Holds(const json::Value* found) const;
};

Order ObjectConditions::Compiled::Compare(const json::Value& found) const {
  switch (value_case) {
    case Condition::kStringValue:
      if (found.kind != json::Kind::kString) return Order::kNone;
      return OrderOf(found.text.compare(string_value));
    case Condition::kInt64Value:
      if (found.kind != json::Kind::kNumber) return Order::kNone;
      return OrderOf(json::CompareNumber(found.text, int64_value));
    case Condition::kDoubleValue: {
      if (found.kind != json::Kind::kNumber) return Order::kNone;
      const double number = json::NearestDouble(found.text);
      return OrderOf((number > double_value) - (number < double_value));
    }
    case Condition::kBoolValue:
      return found.kind == (bool_value ? json::Kind::kTrue : json::Kind::kFalse) ? Order::kEqual
                                                                                 : Order::kNone;
    case Condition::kNullValue:
      return found.kind == json::Kind::kNull ? Order::kEqual : Order::kNone;
    case Condition::VALUE_NOT_SET:
      break;
  }
  return Order::kNone;
}

bool ObjectConditions::Compiled::Holds(const json::Value* found) const {
  if (op == Condition::OPERATOR_NOT_EXISTS) return found == nullptr;
  if (found == nullptr) return false;
  switch (op) {
    case Condition::OPERATOR_EXISTS:
      return true;
    case Condition::OPERATOR_PREFIX:
      return found->kind == json::Kind::kString && absl::StartsWith(found->text, string_value);
    case Condition::OPERATOR_EQUAL:
      return Compare(*found) == Order::kEqual;
    case Condition::OPERATOR_NOT_EQUAL:
      return Compare(*found) != Order::kEqual;
    case Condition::OPERATOR_LESS:
      return Compare(*found) == Order::kLess;
    case Condition::OPERATOR_GREATER:
      return Compare(*found) == Order::kGreater;
    case Condition::OPERATOR_LESS_OR_EQUAL: {
      const Order order = Compare(*found);
      return order == Order::kLess || order == Order::kEqual;
    }
    case Condition::OPERATOR_GREATER_OR_EQUAL: {
      const Order order = Compare(*found);
      return order == Order::kGreater || order == Order::kEqual;
    }
    default:
      return false;
  }
}

LazyObject::LazyObject(absl::string_view json) : json_(json) {}
LazyObject::~LazyObject() = default;

void LazyObject::Reset(absl::string_view json) {
  json_ = json;
  is_parsed_ = false;
}

json::Document& LazyObject::document() {
  if (is_parsed_) return *document_;
  if (document_ == nullptr) document_ = std::make_unique<json::Document>();
  // One that is absent is not JSON and so leaves the document without values.
  static_cast<void>(document_->Parse(json_));
  is_parsed_ = true;
  return *document_;
}

ObjectConditions::ObjectConditions() = default;
ObjectConditions::~ObjectConditions() = default;

absl::StatusOr<std::unique_ptr<const ObjectConditions>> ObjectConditions::Compile(
    const google::protobuf::RepeatedPtrField<Condition>& conditions) {
  if (static_cast<size_t>(conditions.size()) > kConditionsMax) {
    return absl::InvalidArgumentError(absl::StrCat("conditions: has ", conditions.size(),
                                                   "; at most ", kConditionsMax, " are allowed"));
  }
  std::unique_ptr<ObjectConditions> result(new ObjectConditions());
  for (int i = 0; i < conditions.size(); ++i) {
    const Condition& condition = conditions[i];
    absl::Status status = CheckOperatorAndValue(condition);
    auto pointer = CompilePointer(condition.pointer());
    status.Update(pointer.status());
    if (!status.ok()) {
      return absl::InvalidArgumentError(absl::StrCat("conditions[", i, "].", status.message()));
    }
    result->conditions_.push_back({*std::move(pointer), condition.operator_(),
                                   condition.value_case(), condition.string_value(),
                                   condition.int64_value(), condition.double_value(),
                                   condition.bool_value()});
  }
  return result;
}

bool ObjectConditions::Hold(LazyObject& object) const {
  json::Document& document = object.document();
  for (const Compiled& condition : conditions_) {
    if (!condition.Holds(document.Find(condition.pointer))) return false;
  }
  return true;
}

}  // namespace carillon::match
