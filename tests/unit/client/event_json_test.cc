#include "carillon/client/event_json.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace carillon::client {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

// The events that the protocol's document shows.
constexpr absl::string_view kSampleWithBar =
    R"({"Time":"2017-12-21T23:26:43.412554192Z","Type":"profiles","Action":"save","Key":"global","Object":{"Validated":true,"Available":true,"Errors":[],"ReadOnly":false,"Meta":{"color":"blue","icon":"world","title":"Digital Rebar Provision"},"Name":"global","Description":"Global profile attached automatically to all machines.","Params":{"bar":"blatz","change-stage/map":{"centos-8-install":"packet-ssh-keys:Success","discover":"packet-discover:Success","packet-discover":"centos-8-install:Reboot","packet-ssh-keys":"complete-nowait:Success"},"kernel-console":"console=ttyS1,115200"}}})";
constexpr absl::string_view kSampleWithoutBar =
    R"({"Time":"2017-12-21T23:27:15.218761478Z","Type":"profiles","Action":"save","Key":"global","Object":{"Validated":true,"Available":true,"Errors":[],"ReadOnly":false,"Meta":{"color":"blue","icon":"world","title":"Digital Rebar Provision"},"Name":"global","Description":"Global profile attached automatically to all machines.","Params":{"change-stage/map":{"centos-8-install":"packet-ssh-keys:Success","discover":"packet-discover:Success","packet-discover":"centos-8-install:Reboot","packet-ssh-keys":"complete-nowait:Success"},"kernel-console":"console=ttyS1,115200"}}})";

v1::Event Parsed(absl::string_view json) {
  absl::StatusOr<v1::Event> event = ParseEventJson(json);
  EXPECT_TRUE(event.ok()) << json << ": " << event.status();
  return event.ok() ? *event : v1::Event();
}

std::string ErrorOf(absl::string_view json) {
  const absl::StatusOr<v1::Event> event = ParseEventJson(json);
  EXPECT_TRUE(absl::IsInvalidArgument(event.status())) << json << ": " << event.status();
  return std::string(event.status().message());
}

std::string Rendered(const v1::Event& event) {
  const std::string encoded = event.SerializeAsString();
  wire::EventView view;
  EXPECT_TRUE(wire::ParseEvent(encoded, &view));
  std::string json;
  AppendEventJson(view, &json);
  return json;
}

std::string Quoted(absl::string_view text) {
  std::string json;
  AppendJsonString(text, &json);
  return json;
}

std::string Rfc3339(int64_t seconds, int32_t nanos = 0) {
  std::string text;
  AppendRfc3339({seconds, nanos}, &text);
  return text;
}

TEST(EventJsonTest, TheSampleEventsComeBackByteForByte) {
  for (absl::string_view sample : {kSampleWithBar, kSampleWithoutBar}) {
    v1::Event event = Parsed(sample);
    EXPECT_EQ(Rendered(event), sample);
    event.set_principal("rocketskates");
    EXPECT_EQ(Rendered(event),
              absl::StrReplaceAll(sample, {{R"("Key":"global",)",
                                            R"("Key":"global","Principal":"rocketskates",)"}}));
  }
}

TEST(EventJsonTest, WhatIsAbsentIsLeftOutButObjectAndTime) {
  v1::Event event;
  event.set_type("machines");
  event.set_action("create");
  EXPECT_EQ(
      Rendered(event),
      R"({"Time":"0001-01-01T00:00:00Z","Type":"machines","Action":"create","Key":"","Object":null})");
}

TEST(EventJsonTest, EveryMemberHasItsPlace) {
  v1::Event event;
  event.mutable_time()->set_seconds(1);
  event.set_type("t");
  event.set_action("a");
  event.set_key("k");
  event.set_principal("p");
  event.set_object("[1]");
  event.set_original("{ }");
  event.set_event_id("id");
  event.set_position("position");
  EXPECT_EQ(
      Rendered(event),
      R"({"Time":"1970-01-01T00:00:01Z","Type":"t","Action":"a","Key":"k","Principal":"p","Object":[1],"Original":{ }})");
}

TEST(EventJsonTest, AppendsToWhatIsThere) {
  std::string out = "before ";
  AppendEventJson(wire::EventView(), &out);
  EXPECT_TRUE(absl::StartsWith(out, "before {\"Time\":")) << out;
}

TEST(EventJsonTest, StringsAreEscapedNoMoreThanTheStandardAsks) {
  EXPECT_EQ(Quoted("plain"), R"("plain")");
  EXPECT_EQ(Quoted(""), R"("")");
  EXPECT_EQ(Quoted("\"\\\b\f\n\r\t"), R"("\"\\\b\f\n\r\t")");
  EXPECT_EQ(Quoted(absl::string_view("\0\x01\x1f", 3)), R"("\u0000\u0001\u001f")");
  EXPECT_EQ(Quoted("</&>\x7f\u2028 gr\u00fcn \U0001F514"),
            "\"</&>\x7f\u2028 gr\u00fcn \U0001F514\"");
  EXPECT_EQ(Quoted("a\"b\"c"), R"("a\"b\"c")");
}

TEST(EventJsonTest, TimesAreWrittenExactlyAndWithoutTrailingZeros) {
  EXPECT_EQ(Rfc3339(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(Rfc3339(1513898803, 412554192), "2017-12-21T23:26:43.412554192Z");
  EXPECT_EQ(Rfc3339(1513898803, 500000000), "2017-12-21T23:26:43.5Z");
  EXPECT_EQ(Rfc3339(1513898803, 1), "2017-12-21T23:26:43.000000001Z");
  EXPECT_EQ(Rfc3339(-1, 999000000), "1969-12-31T23:59:59.999Z");
  EXPECT_EQ(Rfc3339(951782400), "2000-02-29T00:00:00Z");
  EXPECT_EQ(Rfc3339(-62135596800), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Rfc3339(253402300799, 999999999), "9999-12-31T23:59:59.999999999Z");
}

TEST(EventJsonTest, TimesOutOfRangeComeOutAsTheNearestWithin) {
  EXPECT_EQ(Rfc3339(-62135596801), "0001-01-01T00:00:00Z");
  EXPECT_EQ(Rfc3339(253402300800), "9999-12-31T23:59:59.999999999Z");
  EXPECT_EQ(Rfc3339(0, -1), "1970-01-01T00:00:00Z");
}

std::string TimeOf(absl::string_view text) {
  const v1::Event event =
      Parsed(absl::StrCat(R"({"Type":"t","Action":"a","Time":")", text, R"("})"));
  return Rfc3339(event.time().seconds(), event.time().nanos());
}

TEST(EventJsonTest, TimesAreReadWithAnyOffset) {
  EXPECT_EQ(TimeOf("2017-12-21T23:26:43Z"), "2017-12-21T23:26:43Z");
  EXPECT_EQ(TimeOf("2017-12-22t01:26:43.5+02:00"), "2017-12-21T23:26:43.5Z");
  EXPECT_EQ(TimeOf("2017-12-21T18:56:43.000000001-04:30"), "2017-12-21T23:26:43.000000001Z");
  EXPECT_EQ(TimeOf("2017-12-21T23:26:43.1234567899z"), "2017-12-21T23:26:43.123456789Z");
  EXPECT_EQ(TimeOf("0001-01-01T00:00:00Z"), "0001-01-01T00:00:00Z");
  EXPECT_EQ(TimeOf("9999-12-31T23:59:59.999999999Z"), "9999-12-31T23:59:59.999999999Z");
}

TEST(EventJsonTest, WhatIsNoTimeIsRefused) {
  for (absl::string_view text :
       {"yesterday", "2017-12-21", "2017-12-21 23:26:43Z", "2017-12-21T23:26:43",
        "2017-13-01T00:00:00Z", "2017-02-29T00:00:00Z", "2017-12-21T24:00:00Z",
        "2017-12-21T23:60:00Z", "2017-12-21T23:59:60Z", "2017-12-21T23:26:43.Z",
        "2017-12-21T23:26:43+2", "2017-12-21T23:26:43+24:00", "2017-12-21T23:26:43Z ",
        "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01", "0000-12-31T00:00:00Z"}) {
    EXPECT_THAT(ErrorOf(absl::StrCat(R"({"Type":"t","Action":"a","Time":")", text, R"("})")),
                HasSubstr("RFC 3339"))
        << text;
  }
}

TEST(EventJsonTest, AnAbsentTimeStaysAbsent) {
  EXPECT_FALSE(Parsed(R"({"Type":"t","Action":"a"})").has_time());
  EXPECT_FALSE(Parsed(R"({"Type":"t","Action":"a","Time":null})").has_time());
}

TEST(EventJsonTest, MemberNamesAreReadInAnyCaseAndOthersPassedOver) {
  const v1::Event event = Parsed(
      R"( {"type":"machines","ACTION":"save","kEy":"k","extra":{"Type":[{}]},"n":1e400,"eventid":"e",)"
      R"("principal":"p"} )");
  EXPECT_EQ(event.type(), "machines");
  EXPECT_EQ(event.action(), "save");
  EXPECT_EQ(event.key(), "k");
  EXPECT_EQ(event.event_id(), "e");
  EXPECT_EQ(event.principal(), "p");
}

TEST(EventJsonTest, OthersCanBeRefusedButNotAPosition) {
  const auto error_of = [](absl::string_view json) {
    return std::string(ParseEventJson(json, UnknownMembers::kRefuse).status().message());
  };
  EXPECT_THAT(error_of(R"({"Type":"t","Action":"a","Keys":"k"})"),
              AllOf(HasSubstr("\"Keys\""), HasSubstr("Key,")));
  EXPECT_EQ(error_of(R"({"Time":null,"type":"t","ACTION":"a","Key":"k","Principal":"p",)"
                     R"("Object":1,"Original":2,"EventId":"e","Position":"p"})"),
            "");
}

TEST(EventJsonTest, OfRepeatedMembersTheLastCounts) {
  const v1::Event event =
      Parsed(R"({"Type":"a","type":"b","Action":"x","Action":null,"Object":1,"object":{"z":2}})");
  EXPECT_EQ(event.type(), "b");
  EXPECT_EQ(event.action(), "x");
  EXPECT_EQ(event.object(), R"({"z":2})");
}

TEST(EventJsonTest, ObjectAndOriginalKeepTheirText) {
  for (absl::string_view text :
       {R"({})", R"([])", R"({ "a" : [ 1 , 2.50 ] , "b":"\u00e9\/" })", R"("text \n")", "true",
        "123456789012345678901234567890.10", "-0.0e+5", "[[[[]]]]"}) {
    const v1::Event event = Parsed(absl::StrCat(R"({"Type":"t","Action":"a","Object": )", text,
                                                " \n, \"Original\":\t", text, "\r\n}"));
    EXPECT_EQ(event.object(), text);
    EXPECT_EQ(event.original(), text);
  }
}

TEST(EventJsonTest, ANullObjectIsAbsent) {
  const v1::Event event =
      Parsed(R"({"Type":"t","Action":"a","Object":{},"Object":null,"Original": null })");
  EXPECT_EQ(event.object(), "");
  EXPECT_EQ(event.original(), "");
}

TEST(EventJsonTest, EscapesInStringsAreDecoded) {
  const v1::Event event =
      Parsed("{\"T\\u0079pe\":\"\\u00fc\\ud83d\\udd14\\/\\n\",\"Action\":\"a\"}");
  EXPECT_EQ(event.type(), "\u00fc\U0001F514/\n");
}

TEST(EventJsonTest, WhatIsNotOneObjectIsRefused) {
  for (absl::string_view json : {"",
                                 " ",
                                 "null",
                                 "1",
                                 "\"Type\"",
                                 "[]",
                                 R"([{"Type":"t","Action":"a"}])",
                                 "{",
                                 R"({"Type":"t","Action":"a")",
                                 R"({"Type":"t","Action":"a"}})",
                                 R"({"Type":"t","Action":"a"} {"Type":"t","Action":"a"})",
                                 R"({"Type":"t","Action":"a"},)",
                                 R"({"Type":"t","Action":"a"} x)",
                                 R"({"Type" "t","Action":"a"})",
                                 R"({"Type":"t" "Action":"a"})",
                                 R"({Type:"t","Action":"a"})",
                                 R"({"Type":"t,"Action":"a"})",
                                 "{\"Type\":\"\xff\",\"Action\":\"a\"}",
                                 R"({"Type":"t","Action":"a","Key":node1})",
                                 R"({"Type":"t","Action":"a","Time":now})",
                                 R"({"Type":"t","Action":"a","Key":nul})"}) {
    EXPECT_NE(ErrorOf(json), "") << json;
  }
}

TEST(EventJsonTest, DeepNestingIsNoDanger) {
  const std::string deep = absl::StrCat(std::string(100'000, '['), std::string(100'000, ']'));
  EXPECT_EQ(Parsed(absl::StrCat(R"({"Type":"t","Action":"a","Object":)", deep, "}")).object(),
            deep);
  EXPECT_NE(ErrorOf(std::string(100'000, '{')), "");
}

TEST(EventJsonTest, ErrorsNameTheMember) {
  EXPECT_THAT(ErrorOf(R"({"Action":"a"})"), HasSubstr("\"Type\" is missing"));
  EXPECT_THAT(ErrorOf(R"({"Type":"t"})"), HasSubstr("\"Action\" is missing"));
  EXPECT_THAT(ErrorOf(R"({"Type":7,"Action":"a"})"), HasSubstr("\"Type\" is to be a JSON string"));
  EXPECT_THAT(ErrorOf(R"({"Type":"t","Action":"a","Key":{}})"), HasSubstr("\"Key\""));
  EXPECT_THAT(ErrorOf(R"({"Type":"t","Action":"a","Key":"\ud800"})"), HasSubstr("\"Key\""));
  EXPECT_THAT(ErrorOf("nonsense"), HasSubstr(R"({"Type":"machines")"));
}

}  // namespace
}  // namespace carillon::client
