#include "broker/match/compiled_filter.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"

namespace carillon::match {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

v1::Filter Parse(const std::string& text) {
  v1::Filter filter;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &filter)) << text;
  return filter;
}

std::shared_ptr<const CompiledFilter> Compile(const std::string& text) {
  return CompiledFilter::Compile(Parse(text)).value();
}

std::string ErrorOf(const v1::Filter& filter) {
  const auto compiled = CompiledFilter::Compile(filter);
  EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument);
  return std::string(compiled.status().message());
}

TEST(CompiledFilterTest, TheEmptyFilterMatchesEverything) {
  const auto filter = Compile("");
  EXPECT_TRUE(filter->MatchesFields("machines", "save", "a"));
  EXPECT_TRUE(filter->MatchesFields("", "", ""));
  EXPECT_EQ(filter->conditions(), nullptr);
}

TEST(CompiledFilterTest, AllFieldsHaveToMatch) {
  const auto filter = Compile(
      "type { values: 'machines' } action { values: ['save', 'create'] } key { prefixes: 'a' }");
  EXPECT_TRUE(filter->MatchesFields("machines", "save", "abc"));
  EXPECT_TRUE(filter->MatchesFields("machines", "create", "a"));
  EXPECT_FALSE(filter->MatchesFields("machine", "save", "abc"));
  EXPECT_FALSE(filter->MatchesFields("machines", "update", "abc"));
  EXPECT_FALSE(filter->MatchesFields("machines", "save", "bac"));
  EXPECT_FALSE(filter->MatchesFields("machines", "save", ""));
}

TEST(CompiledFilterTest, KeepsNoRedundantItems) {
  const auto filter = Compile(
      "key { values: ['b', 'abc', 'x', 'b', ''] prefixes: ['ab', 'a', 'ab', 'xyz', 'xyzz'] }");
  EXPECT_THAT(filter->key().prefixes, ElementsAre("a", "xyz"));
  EXPECT_THAT(filter->key().values, ElementsAre("", "b", "x"));
  EXPECT_EQ(filter->key().item_count(), 5u);
  EXPECT_TRUE(filter->MatchesFields("t", "a", "abc"));
}

TEST(CompiledFilterTest, ComparesBytesAsUnsigned) {
  const auto filter = Compile(R"(key { values: ['\303\251', 'a'] prefixes: ['\303\244', 'z'] })");
  EXPECT_TRUE(filter->MatchesFields("t", "a", "\xc3\xa9"));
  EXPECT_TRUE(filter->MatchesFields("t", "a", "\xc3\xa4x"));
  EXPECT_TRUE(filter->MatchesFields("t", "a", "zx"));
  EXPECT_TRUE(filter->MatchesFields("t", "a", "a"));
  EXPECT_FALSE(filter->MatchesFields("t", "a", "\xc3"));
}

TEST(CompiledFilterTest, AFieldNeedsAnItem) {
  EXPECT_THAT(ErrorOf(Parse("action {}")), StartsWith("action: needs a value or a prefix"));
}

TEST(CompiledFilterTest, APrefixMustNotBeEmpty) {
  EXPECT_THAT(ErrorOf(Parse("type { prefixes: ['a', ''] }")),
              StartsWith("type.prefixes[1]: must not be empty"));
}

TEST(CompiledFilterTest, AFieldHasALimitOfItems) {
  v1::Filter filter;
  for (size_t i = 0; i < kFieldItemsMax - 1; ++i) filter.mutable_key()->add_values("a");
  filter.mutable_key()->add_prefixes("b");
  EXPECT_TRUE(CompiledFilter::Compile(filter).ok());
  filter.mutable_key()->add_values("a");
  EXPECT_THAT(ErrorOf(filter), StartsWith("key: has 10001 values and prefixes"));
}

TEST(CompiledFilterTest, AFilterHasALimitOfBytes) {
  v1::Filter filter;
  // Tag and length of the key and of its only value.
  filter.mutable_key()->add_values(std::string(kFilterBytesMax - 8, 'a'));
  ASSERT_EQ(filter.ByteSizeLong(), kFilterBytesMax);
  EXPECT_TRUE(CompiledFilter::Compile(filter).ok());
  filter.mutable_key()->mutable_values(0)->push_back('a');
  EXPECT_THAT(ErrorOf(filter), HasSubstr("at most 65536 are allowed"));
}

TEST(CompiledFilterTest, FaultsOfConditionsAreFaultsOfTheFilter) {
  EXPECT_THAT(ErrorOf(Parse("conditions { pointer: 'a' operator: OPERATOR_EXISTS }")),
              StartsWith("conditions[0].pointer: "));
  EXPECT_NE(Compile("conditions { pointer: '/a' operator: OPERATOR_EXISTS }")->conditions(),
            nullptr);
}

}  // namespace
}  // namespace carillon::match
