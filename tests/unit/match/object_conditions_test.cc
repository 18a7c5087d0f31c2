#include "broker/match/object_conditions.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/match/compiled_filter.h"

namespace carillon::match {
namespace {

using ::testing::StartsWith;

v1::Filter Parse(const std::string& text) {
  v1::Filter filter;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &filter)) << text;
  return filter;
}

// Whether a condition, as "pointer: … operator: … value", holds for a JSON text.
bool Holds(const std::string& condition, absl::string_view json) {
  const auto conditions =
      ObjectConditions::Compile(Parse(absl::StrCat("conditions { ", condition, " }")).conditions());
  EXPECT_TRUE(conditions.ok()) << conditions.status();
  LazyObject object(json);
  return (*conditions)->Hold(object);
}

bool HoldsAtA(const std::string& operator_and_value, absl::string_view value) {
  return Holds(absl::StrCat("pointer: '/a' operator: OPERATOR_", operator_and_value),
               absl::StrCat("{\"a\":", value, "}"));
}

std::string ErrorOf(const std::string& conditions) {
  const auto compiled = ObjectConditions::Compile(Parse(conditions).conditions());
  EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument) << conditions;
  return std::string(compiled.status().message());
}

TEST(ObjectConditionsTest, EqualMeansTypeAndValue) {
  EXPECT_TRUE(HoldsAtA("EQUAL string_value: 'x'", R"("x")"));
  EXPECT_TRUE(HoldsAtA("EQUAL string_value: 'x\"'", R"("\u0078\"")"));
  EXPECT_FALSE(HoldsAtA("EQUAL string_value: 'x'", R"("X")"));
  EXPECT_FALSE(HoldsAtA("EQUAL string_value: '1'", "1"));
  EXPECT_FALSE(HoldsAtA("EQUAL int64_value: 1", R"("1")"));
  EXPECT_TRUE(HoldsAtA("EQUAL bool_value: true", "true"));
  EXPECT_FALSE(HoldsAtA("EQUAL bool_value: true", "false"));
  EXPECT_FALSE(HoldsAtA("EQUAL bool_value: false", "0"));
  EXPECT_TRUE(HoldsAtA("EQUAL null_value: NULL_VALUE", "null"));
  EXPECT_FALSE(HoldsAtA("EQUAL null_value: NULL_VALUE", "false"));
  EXPECT_FALSE(HoldsAtA("EQUAL string_value: ''", "{}"));
  EXPECT_FALSE(HoldsAtA("EQUAL string_value: ''", "[]"));
}

TEST(ObjectConditionsTest, NumbersAreEqualByValue) {
  for (const char* one : {"1", "1.0", "1e0", "10e-1", "0.1E+1"}) {
    EXPECT_TRUE(HoldsAtA("EQUAL int64_value: 1", one)) << one;
    EXPECT_TRUE(HoldsAtA("EQUAL double_value: 1", one)) << one;
  }
  EXPECT_TRUE(HoldsAtA("EQUAL double_value: 0.1", "0.1"));
  EXPECT_TRUE(HoldsAtA("EQUAL int64_value: 9007199254740993", "9007199254740993"));
  EXPECT_FALSE(HoldsAtA("EQUAL int64_value: 9007199254740993", "9007199254740992"));
  EXPECT_FALSE(HoldsAtA("EQUAL int64_value: 9223372036854775807", "9223372036854775808"));
  EXPECT_TRUE(
      HoldsAtA("GREATER int64_value: 9223372036854775807", "123456789012345678901234567890"));
}

TEST(ObjectConditionsTest, HugeNumbersCompareToo) {
  for (const char* huge : {"1e400", "1e99999999999999999999"}) {
    EXPECT_TRUE(HoldsAtA("GREATER int64_value: 9223372036854775807", huge));
    EXPECT_TRUE(HoldsAtA("GREATER double_value: 1.7976931348623157e308", huge));
    EXPECT_TRUE(HoldsAtA("NOT_EQUAL int64_value: 1", huge));
  }
}

TEST(ObjectConditionsTest, NotEqualNeedsAValue) {
  EXPECT_TRUE(HoldsAtA("NOT_EQUAL string_value: 'x'", R"("y")"));
  EXPECT_TRUE(HoldsAtA("NOT_EQUAL string_value: 'x'", "1"));
  EXPECT_TRUE(HoldsAtA("NOT_EQUAL string_value: 'x'", "null"));
  EXPECT_FALSE(HoldsAtA("NOT_EQUAL string_value: 'x'", R"("x")"));
  EXPECT_FALSE(Holds("pointer: '/b' operator: OPERATOR_NOT_EQUAL string_value: 'x'", "{\"a\":1}"));
}

TEST(ObjectConditionsTest, OrdersNumbersByValue) {
  EXPECT_TRUE(HoldsAtA("LESS int64_value: 10", "9"));
  EXPECT_FALSE(HoldsAtA("LESS int64_value: 10", "10.0"));
  EXPECT_TRUE(HoldsAtA("LESS_OR_EQUAL int64_value: 10", "10.0"));
  EXPECT_TRUE(HoldsAtA("GREATER int64_value: -10", "-9.5"));
  EXPECT_TRUE(HoldsAtA("GREATER_OR_EQUAL double_value: 2.5", "2.5"));
  EXPECT_FALSE(HoldsAtA("GREATER double_value: 2.5", "2.5"));
  EXPECT_FALSE(HoldsAtA("LESS_OR_EQUAL double_value: 2.5", "2.6"));
}

TEST(ObjectConditionsTest, OrdersStringsByBytes) {
  EXPECT_TRUE(HoldsAtA("LESS string_value: 'b'", R"("a")"));
  EXPECT_TRUE(HoldsAtA("LESS string_value: 'a'", R"("Z")"));
  EXPECT_TRUE(HoldsAtA("GREATER string_value: 'z'", "\"\xc3\xa9\""));
  EXPECT_TRUE(HoldsAtA("GREATER string_value: 'a'", R"("aa")"));
}

TEST(ObjectConditionsTest, DifferentTypesNeverCompare) {
  for (const char* op : {"LESS", "LESS_OR_EQUAL", "GREATER", "GREATER_OR_EQUAL"}) {
    EXPECT_FALSE(HoldsAtA(absl::StrCat(op, " int64_value: 1"), R"("1")")) << op;
    EXPECT_FALSE(HoldsAtA(absl::StrCat(op, " string_value: '1'"), "1")) << op;
    EXPECT_FALSE(HoldsAtA(absl::StrCat(op, " int64_value: 0"), "null")) << op;
    EXPECT_FALSE(HoldsAtA(absl::StrCat(op, " double_value: 0"), "[]")) << op;
  }
}

TEST(ObjectConditionsTest, ExistenceCountsNull) {
  EXPECT_TRUE(HoldsAtA("EXISTS", "null"));
  EXPECT_FALSE(HoldsAtA("NOT_EXISTS", "null"));
  EXPECT_FALSE(Holds("pointer: '/b' operator: OPERATOR_EXISTS", "{\"a\":1}"));
  EXPECT_TRUE(Holds("pointer: '/b' operator: OPERATOR_NOT_EXISTS", "{\"a\":1}"));
  EXPECT_TRUE(Holds("pointer: '/a/b' operator: OPERATOR_NOT_EXISTS", "{\"a\":1}"));
}

TEST(ObjectConditionsTest, PrefixIsForStrings) {
  EXPECT_TRUE(HoldsAtA("PREFIX string_value: 'ab'", R"("abc")"));
  EXPECT_TRUE(HoldsAtA("PREFIX string_value: ''", R"("")"));
  EXPECT_FALSE(HoldsAtA("PREFIX string_value: 'ab'", R"("a")"));
  EXPECT_FALSE(HoldsAtA("PREFIX string_value: '1'", "12"));
}

TEST(ObjectConditionsTest, TheEmptyPointerIsTheWholeObject) {
  EXPECT_TRUE(Holds("operator: OPERATOR_EXISTS", "null"));
  EXPECT_TRUE(Holds("operator: OPERATOR_EQUAL string_value: 'x'", "\"x\""));
}

TEST(ObjectConditionsTest, AnAbsentObjectHasNoValuesAtAll) {
  EXPECT_FALSE(Holds("operator: OPERATOR_EXISTS", ""));
  EXPECT_TRUE(Holds("operator: OPERATOR_NOT_EXISTS", ""));
  EXPECT_FALSE(Holds("operator: OPERATOR_EQUAL null_value: NULL_VALUE", ""));
  EXPECT_FALSE(Holds("pointer: '/a' operator: OPERATOR_NOT_EQUAL int64_value: 1", ""));
}

TEST(ObjectConditionsTest, AllHaveToHold) {
  const auto conditions = ObjectConditions::Compile(
      Parse("conditions { pointer: '/a' operator: OPERATOR_EQUAL int64_value: 1 }"
            "conditions { pointer: '/b/0' operator: OPERATOR_EQUAL string_value: 'x' }")
          .conditions());
  LazyObject object(R"({"a":1,"b":["x"]})");
  EXPECT_TRUE((*conditions)->Hold(object));
  EXPECT_TRUE((*conditions)->Hold(object));
  object.Reset(R"({"a":1,"b":["y"]})");
  EXPECT_FALSE((*conditions)->Hold(object));
  object.Reset("");
  EXPECT_FALSE((*conditions)->Hold(object));
}

TEST(ObjectConditionsTest, FaultsNameTheFieldAndWhatWouldBeRight) {
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_EXISTS } conditions { pointer: '/a' }"),
              StartsWith("conditions[1].operator: must be"));
  EXPECT_THAT(ErrorOf("conditions { pointer: 'a' operator: OPERATOR_EXISTS }"),
              StartsWith("conditions[0].pointer: must be empty or begin with"));
  EXPECT_THAT(ErrorOf("conditions { pointer: '/~' operator: OPERATOR_EXISTS }"),
              StartsWith("conditions[0].pointer: "));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_EXISTS bool_value: true }"),
              StartsWith("conditions[0].value: must not be set"));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_EQUAL }"),
              StartsWith("conditions[0].value: must be set"));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_PREFIX int64_value: 1 }"),
              StartsWith("conditions[0].string_value: must be set"));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_LESS bool_value: true }"),
              StartsWith("conditions[0].value: must be a string or a number"));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_LESS null_value: NULL_VALUE }"),
              StartsWith("conditions[0].value: must be a string or a number"));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_EQUAL double_value: nan }"),
              StartsWith("conditions[0].double_value: must be finite"));
  EXPECT_THAT(ErrorOf("conditions { operator: OPERATOR_LESS double_value: inf }"),
              StartsWith("conditions[0].double_value: must be finite"));
}

TEST(ObjectConditionsTest, AnUnknownOperatorIsRefused) {
  v1::Filter filter;
  filter.add_conditions()->set_operator_(static_cast<v1::Condition::Operator>(99));
  EXPECT_FALSE(ObjectConditions::Compile(filter.conditions()).ok());
}

TEST(ObjectConditionsTest, NumberPointerAndValueHaveLimits) {
  v1::Filter filter;
  for (size_t i = 0; i < kConditionsMax; ++i) {
    filter.add_conditions()->set_operator_(v1::Condition::OPERATOR_EXISTS);
  }
  EXPECT_TRUE(ObjectConditions::Compile(filter.conditions()).ok());
  *filter.add_conditions() = filter.conditions(0);
  EXPECT_FALSE(ObjectConditions::Compile(filter.conditions()).ok());

  filter.Clear();
  v1::Condition& condition = *filter.add_conditions();
  condition.set_operator_(v1::Condition::OPERATOR_EQUAL);
  condition.set_pointer("/" + std::string(kPointerBytesMax - 1, 'a'));
  condition.set_string_value(std::string(kConditionValueBytesMax, 'a'));
  EXPECT_TRUE(ObjectConditions::Compile(filter.conditions()).ok());
  condition.mutable_string_value()->push_back('a');
  EXPECT_FALSE(ObjectConditions::Compile(filter.conditions()).ok());
  condition.mutable_string_value()->pop_back();
  condition.mutable_pointer()->push_back('a');
  EXPECT_FALSE(ObjectConditions::Compile(filter.conditions()).ok());
}

}  // namespace
}  // namespace carillon::match
