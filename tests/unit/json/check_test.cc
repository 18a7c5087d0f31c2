#include "broker/json/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace carillon::json {
namespace {

using ::testing::HasSubstr;

// Literals may hold NUL bytes.
template <size_t n>
std::string Bytes(const char (&literal)[n]) {
  return std::string(literal, n - 1);
}

std::string Nested(size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

class ValidJsonTest : public ::testing::TestWithParam<std::string> {};

TEST_P(ValidJsonTest, IsAccepted) { EXPECT_EQ(Check(GetParam()), absl::OkStatus()); }

INSTANTIATE_TEST_SUITE_P(Values, ValidJsonTest,
                         ::testing::Values("null", "true", "false", "0", "\"\"", "[]", "{}",
                                           " \t\r\n{ } \t\r\n", "[[],{},[{}]]",
                                           R"({"a":{"b":[1,2,{"c":null}]}})",
                                           // Names may repeat and be empty.
                                           R"({"a":1,"a":2,"":3})"));

INSTANTIATE_TEST_SUITE_P(
    Numbers, ValidJsonTest,
    ::testing::Values("-0", "-0.0", "0e0", "1", "-1", "1.5", "1E5", "1e+5", "1e-5", "0.1e-7",
                      "123456789012345678901234567890", "-123456789012345678901234567890.5e-30",
                      "18446744073709551616", "1e400", "-1e400", "1e-400", "1e2147483647",
                      "1e2147483648", "1e-2147483648", "1e99999999999999999999999999",
                      "-0.5E-99999999999999999999999999", "0e+00000000000000000000000000001",
                      "[1e99999999999999999999,\"e99999999999999999999\"]", std::string(1'000, '9'),
                      "0." + std::string(100'000, '7')));

INSTANTIATE_TEST_SUITE_P(Strings, ValidJsonTest,
                         ::testing::Values(R"("\"\\\/\b\f\n\r\t")", R"("\u0000\u001F\uFFFF")",
                                           R"("\uD834\uDD1E")", R"("\u0041")", "\"\x7f\"",
                                           "\"\xc3\xa9\"", "\"\xe2\x82\xac\"",
                                           "\"\xf0\x9d\x84\x9e\"", "\"\xf4\x8f\xbf\xbf\"",
                                           "\"\xef\xbf\xbf\"", "{\"\xc3\xa9\":\"\xc3\xa9\"}"));

class InvalidJsonTest : public ::testing::TestWithParam<std::string> {};

TEST_P(InvalidJsonTest, IsRefused) {
  const absl::Status status = Check(GetParam());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("not JSON (RFC 8259): "));
}

INSTANTIATE_TEST_SUITE_P(Values, InvalidJsonTest,
                         ::testing::Values("", " ", "nul", "nulll", "True", "undefined", "'a'", "[",
                                           "]", "{", "}", "[}", "[1,]", "[,1]", "[1,,2]", "[1 2]",
                                           "{\"a\"}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "{1:1}",
                                           "{\"a\":1 \"b\":2}", "{,}", "1 2", "{}{}", "[]x",
                                           "{}\n,", "// comment\n1", "/* comment */1", "1//", "# 1",
                                           "\xef\xbb\xbf{}"));

INSTANTIATE_TEST_SUITE_P(NulBytes, InvalidJsonTest,
                         ::testing::Values(Bytes("\0"), Bytes("{}\0"), Bytes("\0{}"),
                                           Bytes("[1\0]"), Bytes("\"a\0b\""), Bytes("1\0"),
                                           Bytes("null\0"), Bytes("{} \0 {}")));

INSTANTIATE_TEST_SUITE_P(Numbers, InvalidJsonTest,
                         ::testing::Values("01", "-01", "00", "+1", "-", "--1", ".5", "5.", "-.5",
                                           "1.e5", "1e", "1e+", "1e5.5", "0x10", "1_000", "NaN",
                                           "nan", "Infinity", "-Infinity", "inf", "1f", "1a",
                                           "1e99999999999999999999x", "01e99999999999999999999",
                                           "[1e99999999999999999999", "1e9999999999999999999.5"));

INSTANTIATE_TEST_SUITE_P(Strings, InvalidJsonTest,
                         ::testing::Values("\"", "\"a", "\"a\nb\"", "\"a\tb\"", "\"\x01\"",
                                           "\"\x1f\"", R"("\a")", R"("\x41")", R"("\u")",
                                           R"("\u12")", R"("\u12G4")", R"("\")", R"("\U0041")"));

// They are in the grammar, but stand for no text.
INSTANTIATE_TEST_SUITE_P(HalvesOfSurrogatePairs, InvalidJsonTest,
                         ::testing::Values(R"("\uD834")", R"("\uDD1E")", R"("\uD834\u0041")",
                                           R"("\uD834\uD834")", R"("\uDD1E\uD834")", R"("\uD834x")",
                                           R"({"\uD834":1})"));

INSTANTIATE_TEST_SUITE_P(BytesThatAreNotUtf8, InvalidJsonTest,
                         ::testing::Values("\"\x80\"", "\"\xff\"", "\"\xc3\"", "\"\xc3(\"",
                                           "\"\xe2\x82\"",
                                           // Overlong: "/" in two and three bytes.
                                           "\"\xc0\xaf\"", "\"\xe0\x80\xaf\"",
                                           // A surrogate, and beyond U+10FFFF.
                                           "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"",
                                           "\"\xf8\x88\x80\x80\x80\"", "{\"\xff\":1}",
                                           "\xa0"
                                           "1"));

TEST(CheckTest, NestingHasALimit) {
  EXPECT_EQ(Check(Nested(kDepthMax)), absl::OkStatus());
  EXPECT_THAT(std::string(Check(Nested(kDepthMax + 1)).message()), HasSubstr("1000 deep"));
  EXPECT_FALSE(Check(Nested(100'000)).ok());
  EXPECT_FALSE(Check(std::string(1'000'000, '[')).ok());
  std::string objects;
  for (int i = 0; i < 100'000; ++i) objects += "{\"a\":";
  EXPECT_FALSE(Check(objects).ok());
}

TEST(CheckTest, WidthHasNone) {
  std::string wide = "[0";
  for (int i = 0; i < 100'000; ++i) wide += ",{\"a\":[]}";
  EXPECT_EQ(Check(wide + "]"), absl::OkStatus());
}

TEST(CheckTest, SaysWhatIsWrongAndWhere) {
  EXPECT_EQ(Check("{\"a\":1,}").message(), "not JSON (RFC 8259): unexpected '}' at byte 7");
  EXPECT_EQ(Check("[\"a\nb\"]").message(), "not JSON (RFC 8259): unexpected byte 0x0a at byte 3");
  EXPECT_EQ(Check("[1,2").message(), "not JSON (RFC 8259): it ends too early at byte 4");
  EXPECT_EQ(Check("{} {}").message(), "not JSON (RFC 8259): more text after the value at byte 3");
  EXPECT_THAT(std::string(Check(R"(["\uD834\u0041"])").message()), HasSubstr("surrogate pair"));
}

// Each text that ends early is refused, and none is read beyond its end.
TEST(CheckTest, RefusesEveryTruncation) {
  const std::string whole =
      R"({"a":[1.5e10,-0,true,false,null,"\u00e9\n\uD834\uDD1E"],"b":{"c":"€"}})";
  ASSERT_EQ(Check(whole), absl::OkStatus());
  for (size_t size = 0; size < whole.size(); ++size) {
    const std::vector<char> exact(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(size));
    EXPECT_FALSE(Check(absl::string_view(exact.data(), size)).ok()) << size;
  }
}

}  // namespace
}  // namespace carillon::json
