#include "broker/json/document.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/json/check.h"

namespace carillon::json {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

const Value* Find(Document& document, absl::string_view pointer) {
  const auto tokens = SplitPointer(pointer);
  EXPECT_TRUE(tokens.ok()) << tokens.status();
  return document.Find(*tokens);
}

std::string TextAt(Document& document, absl::string_view pointer) {
  const Value* value = Find(document, pointer);
  return value == nullptr ? "(none)" : std::string(value->text);
}

// The example of RFC 6901, section 5.
TEST(DocumentTest, FindsWhatTheStandardsExamplesPointTo) {
  const std::string text = R"({"foo":["bar","baz"],"":0,"a/b":1,"c%d":2,"e^f":3,"g|h":4,)"
                           R"("i\\j":5,"k\"l":6," ":7,"m~n":8})";
  Document document;
  ASSERT_TRUE(document.Parse(text));
  EXPECT_EQ(Find(document, "")->kind, Kind::kObject);
  EXPECT_EQ(Find(document, "/foo")->kind, Kind::kArray);
  EXPECT_EQ(TextAt(document, "/foo/0"), "bar");
  EXPECT_EQ(TextAt(document, "/"), "0");
  EXPECT_EQ(TextAt(document, "/a~1b"), "1");
  EXPECT_EQ(TextAt(document, "/c%d"), "2");
  EXPECT_EQ(TextAt(document, "/e^f"), "3");
  EXPECT_EQ(TextAt(document, "/g|h"), "4");
  EXPECT_EQ(TextAt(document, "/i\\j"), "5");
  EXPECT_EQ(TextAt(document, "/k\"l"), "6");
  EXPECT_EQ(TextAt(document, "/ "), "7");
  EXPECT_EQ(TextAt(document, "/m~0n"), "8");
}

TEST(DocumentTest, FindsArrayElementsByIndexOnly) {
  Document document;
  ASSERT_TRUE(document.Parse(R"([[1,2],{"a":[3,{"b":4}]},5])"));
  EXPECT_EQ(TextAt(document, "/0/1"), "2");
  EXPECT_EQ(TextAt(document, "/1/a/1/b"), "4");
  EXPECT_EQ(TextAt(document, "/2"), "5");
  for (const char* pointer : {"/3", "/-", "/00", "/01", "/+1", "/-1", "/", "/ 1", "/1x", "/0/2",
                              "/4294967296", "/99999999999999999999", "/2/0"}) {
    EXPECT_EQ(Find(document, pointer), nullptr) << pointer;
  }
}

TEST(DocumentTest, AMemberMayHaveTheNameOfANumber) {
  Document document;
  ASSERT_TRUE(document.Parse(R"({"01":"a","-":"b"})"));
  EXPECT_EQ(TextAt(document, "/01"), "a");
  EXPECT_EQ(TextAt(document, "/-"), "b");
}

TEST(DocumentTest, OfMembersWithOneNameTheLastCounts) {
  Document document;
  ASSERT_TRUE(document.Parse(R"({"a":{"b":1,"c":2},"a":{"b":3}})"));
  EXPECT_EQ(TextAt(document, "/a/b"), "3");
  EXPECT_EQ(Find(document, "/a/c"), nullptr);
}

TEST(DocumentTest, ResolvesEscapesInNamesAndStrings) {
  Document document;
  ASSERT_TRUE(document.Parse(R"({"\u0061\n":"\"\u20ac\uD834\uDD1E\/","plain":"x\u0000y"})"));
  EXPECT_EQ(TextAt(document, "/a\n"), "\"\xe2\x82\xac\xf0\x9d\x84\x9e/");
  EXPECT_EQ(TextAt(document, "/plain"), std::string("x\0y", 3));
}

// The parser hands long strings with escapes over in parts.
TEST(DocumentTest, ResolvesEscapesInLongStrings) {
  std::string text = "[";
  std::string expected;
  for (int i = 0; i < 10'000; ++i) {
    text += i == 0 ? "\"" : "";
    text += i % 100 == 0 ? "\\n" : "abc";
    expected += i % 100 == 0 ? "\n" : "abc";
  }
  text += "\",\"\\t\"]";
  Document document;
  ASSERT_TRUE(document.Parse(text));
  EXPECT_EQ(TextAt(document, "/0"), expected);
  EXPECT_EQ(TextAt(document, "/1"), "\t");
}

TEST(DocumentTest, KeepsNumbersAsWritten) {
  Document document;
  ASSERT_TRUE(document.Parse("[1.50,-0,123456789012345678901234567890,1E+2]"));
  EXPECT_EQ(TextAt(document, "/0"), "1.50");
  EXPECT_EQ(TextAt(document, "/1"), "-0");
  EXPECT_EQ(TextAt(document, "/2"), "123456789012345678901234567890");
  EXPECT_EQ(TextAt(document, "/3"), "1E+2");
}

TEST(DocumentTest, HasValuesBesideANumberWithAnEndlessExponent) {
  Document document;
  ASSERT_TRUE(document.Parse(R"({"huge":1e99999999999999999999,"name":"\u0061"})"));
  EXPECT_EQ(TextAt(document, "/name"), "a");
  EXPECT_EQ(Find(document, "/huge")->kind, Kind::kNumber);
}

TEST(DocumentTest, HasNoValueIfTheTextIsNotJson) {
  Document document;
  ASSERT_TRUE(document.Parse("{}"));
  for (const char* text : {"", "{", "[1] 2", "{\"a\":1e99999999999999999999,}"}) {
    EXPECT_FALSE(document.Parse(text));
    EXPECT_EQ(Find(document, ""), nullptr);
  }
  EXPECT_FALSE(document.Parse(std::string(kDepthMax + 1, '[')));
}

TEST(DocumentTest, KnowsTheKindOfEachValue) {
  Document document;
  ASSERT_TRUE(document.Parse(R"([null,false,true,1,"a",[],{}])"));
  const Kind kinds[] = {Kind::kNull,   Kind::kFalse, Kind::kTrue,  Kind::kNumber,
                        Kind::kString, Kind::kArray, Kind::kObject};
  for (size_t i = 0; i < std::size(kinds); ++i) {
    EXPECT_EQ(Find(document, "/" + std::to_string(i))->kind, kinds[i]) << i;
  }
}

TEST(SplitPointerTest, SplitsAndUnescapes) {
  EXPECT_THAT(*SplitPointer(""), IsEmpty());
  EXPECT_THAT(*SplitPointer("/"), ElementsAre(""));
  EXPECT_THAT(*SplitPointer("/a//b/"), ElementsAre("a", "", "b", ""));
  EXPECT_THAT(*SplitPointer("/~01/~10"), ElementsAre("~1", "/0"));
}

TEST(SplitPointerTest, RefusesWhatTheStandardDoes) {
  for (const char* pointer : {"a", "a/b", "~0", "/~", "/~2", "/a~/b", "#/a", " /a"}) {
    EXPECT_EQ(SplitPointer(pointer).status().code(), absl::StatusCode::kInvalidArgument) << pointer;
  }
}

TEST(DocumentTest, VeryManyLookupsFindTheSame) {
  std::string text = R"({"list":[)";
  for (int i = 0; i < 1'000; ++i) absl::StrAppend(&text, i > 0 ? "," : "", "{\"n\":", i, "}");
  absl::StrAppend(&text, R"(],"twice":"first")");
  for (int i = 0; i < 1'000; ++i) absl::StrAppend(&text, ",\"m", i, "\":\"", i, "\"");
  absl::StrAppend(&text, R"(,"twice":"second"})");
  Document document;
  ASSERT_TRUE(document.Parse(text));
  for (int round = 0; round < 20; ++round) {
    for (int i = 0; i < 1'000; i += 111) {
      EXPECT_EQ(TextAt(document, absl::StrCat("/m", i)), absl::StrCat(i));
      EXPECT_EQ(TextAt(document, absl::StrCat("/list/", i, "/n")), absl::StrCat(i));
    }
    EXPECT_EQ(TextAt(document, "/twice"), "second");
    for (const char* nowhere :
         {"/m1000", "/list/1000", "/list/01", "/list/n", "/m0/x", "/list/0/x"}) {
      EXPECT_EQ(Find(document, nowhere), nullptr) << nowhere;
    }
  }
  ASSERT_TRUE(document.Parse(R"({"m1":"other"})"));
  EXPECT_EQ(TextAt(document, "/m1"), "other");
  EXPECT_EQ(Find(document, "/list"), nullptr);
}

// Seconds of work if each lookup went through all members.
TEST(DocumentTest, LookupsInAVeryLargeObjectDoNotMultiply) {
  std::string text = "{";
  for (int i = 0; i < 100'000; ++i) absl::StrAppend(&text, i > 0 ? "," : "", "\"\":0");
  text += "}";
  Document document;
  ASSERT_TRUE(document.Parse(text));
  const std::vector<std::string> pointer = {"x"};
  for (int i = 0; i < 1'000'000; ++i) ASSERT_EQ(document.Find(pointer), nullptr);
}

}  // namespace
}  // namespace carillon::json
