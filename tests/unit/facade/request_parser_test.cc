#include "wsfacade/http/request_parser.h"

#include <gtest/gtest.h>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

using Progress = RequestParser::Progress;

constexpr uint32_t kHeaderBytesMax = 1024;
constexpr uint64_t kBodyBytesMax = 100;
constexpr char kChunked[] = "POST / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n";

std::string Fill(size_t bytes) { return std::string(bytes, 'x'); }

class RequestParserTest : public testing::Test {
 protected:
  // Until it wants more, has a request, or refuses one.
  Progress Feed(RequestParser* parser, absl::string_view bytes) {
    absl::StrAppend(&input_, bytes);
    Progress progress = parser->Parse(&input_);
    if (progress == Progress::kHeader) progress = parser->Parse(&input_);
    return progress;
  }

  Progress Feed(absl::string_view bytes) { return Feed(&parser_, bytes); }

  int FeedRefused(absl::string_view bytes) {
    EXPECT_EQ(Feed(bytes), Progress::kRefused);
    return static_cast<int>(parser_.refusal().status);
  }

  bool RefusalSays(absl::string_view text) {
    return absl::StrContains(parser_.refusal().message, text);
  }

  std::string input_;
  RequestParser parser_{kHeaderBytesMax, kBodyBytesMax};
};

TEST_F(RequestParserTest, TakesOneRequestAndLeavesWhatFollows) {
  EXPECT_EQ(Feed("GET /a HTTP/1.1\r\nHost: h\r\n\r\nGET /b"), Progress::kComplete);
  EXPECT_EQ(input_, "GET /b");
  const HttpRequest request = parser_.TakeRequest();
  EXPECT_EQ(request.method(), http::verb::get);
  EXPECT_EQ(request.target(), "/a");
  EXPECT_EQ(request[http::field::host], "h");
}

TEST_F(RequestParserTest, SaysThatTheHeaderIsCompleteBeforeItTakesTheBody) {
  input_ = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 4\r\n\r\nbody";
  EXPECT_EQ(parser_.Parse(&input_), Progress::kHeader);
  EXPECT_TRUE(parser_.expects_body());
  EXPECT_EQ(parser_.header().target(), "/a");
  EXPECT_EQ(input_, "body");
  EXPECT_EQ(parser_.Parse(&input_), Progress::kComplete);
  const HttpRequest request = parser_.TakeRequest();
  EXPECT_EQ(request.target(), "/a");
  EXPECT_EQ(request.body(), "body");
}

TEST_F(RequestParserTest, ExpectsNoBodyOfARequestThatEndsWithItsHeader) {
  input_ = "POST /a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n";
  EXPECT_EQ(parser_.Parse(&input_), Progress::kHeader);
  EXPECT_FALSE(parser_.expects_body());
  EXPECT_EQ(parser_.Parse(&input_), Progress::kComplete);
}

TEST_F(RequestParserTest, TakesARequestByteByByte) {
  for (const std::string chunks : {"3;a=b\r\nabc\r\n2\r\nde\r\n0\r\nX: y\r\n\r\n", "0\r\n\r\n"}) {
    RequestParser parser(kHeaderBytesMax, kBodyBytesMax);
    const std::string text = kChunked + chunks;
    for (char c : text.substr(0, text.size() - 1)) {
      ASSERT_EQ(Feed(&parser, std::string(1, c)), Progress::kIncomplete);
    }
    EXPECT_EQ(Feed(&parser, "\n"), Progress::kComplete);
    EXPECT_EQ(parser.TakeRequest().body(), chunks[0] == '0' ? "" : "abcde");
    EXPECT_EQ(input_, "");
  }
}

TEST_F(RequestParserTest, KnowsAHeadRequestAsSoonAsItsFirstLineHasCome) {
  EXPECT_FALSE(parser_.is_head());
  EXPECT_EQ(Feed("HEAD / HTTP/1.1\r\nHos"), Progress::kIncomplete);
  EXPECT_TRUE(parser_.is_head());
  EXPECT_EQ(FeedRefused("t\r\n"), 400);
  EXPECT_TRUE(parser_.is_head());
}

TEST_F(RequestParserTest, TakesAHeaderOfJustTheBytesAllowed) {
  const std::string before = "GET / HTTP/1.1\r\nHost: h\r\nX: ";
  const std::string after = "\r\n\r\n";
  const std::string fits = Fill(kHeaderBytesMax - before.size() - after.size());
  EXPECT_EQ(Feed(absl::StrCat(before, fits, after)), Progress::kComplete);

  RequestParser other(kHeaderBytesMax, kBodyBytesMax);
  EXPECT_EQ(Feed(&other, absl::StrCat(before, fits, "x", after)), Progress::kRefused);
  EXPECT_EQ(static_cast<int>(other.refusal().status), 431);
}

TEST_F(RequestParserTest, CountsTheFieldsOfAHeaderThatComesFieldByField) {
  // A field is complete when the first character of the next line has come.
  const std::string field = absl::StrCat(": ", Fill(295), "\r\nX");
  ASSERT_EQ(Feed("GET / HTTP/1.1\r\nHost: h\r\nX"), Progress::kIncomplete);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Feed(field), Progress::kIncomplete);
    ASSERT_EQ(input_, "X");
  }
  EXPECT_EQ(FeedRefused(field), 431);
  EXPECT_TRUE(RefusalSays("the request's header is larger than header-bytes-max, 1024 bytes"));
}

TEST_F(RequestParserTest, CountsALineOfAHeaderThatDoesNotEnd) {
  ASSERT_EQ(Feed("GET / HTTP/1.1\r\n"), Progress::kIncomplete);
  ASSERT_EQ(Feed(absl::StrCat("X: ", Fill(1000))), Progress::kIncomplete);
  EXPECT_EQ(FeedRefused("xxxxxx"), 431);
}

TEST_F(RequestParserTest, DoesNotCountTheBodyAsHeader) {
  RequestParser parser(kHeaderBytesMax, 1 << 20);
  const std::string header = "POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 5000\r\n\r\n";
  EXPECT_EQ(Feed(&parser, absl::StrCat(header, Fill(4000))), Progress::kIncomplete);
  EXPECT_EQ(Feed(&parser, Fill(1000)), Progress::kComplete);
}

TEST_F(RequestParserTest, RefusesALineBeforeAChunkThatDoesNotEnd) {
  ASSERT_EQ(Feed(absl::StrCat(kChunked, "1;x=", Fill(1000))), Progress::kIncomplete);
  EXPECT_EQ(FeedRefused(Fill(100)), 431);
  EXPECT_TRUE(RefusalSays("header-bytes-max, 1024 bytes"));
}

TEST_F(RequestParserTest, RefusesTrailersThatDoNotEnd) {
  ASSERT_EQ(Feed(absl::StrCat(kChunked, "0\r\n")), Progress::kIncomplete);
  for (int i = 0; i < 3; ++i) {
    ASSERT_EQ(Feed(absl::StrCat("X: ", Fill(300), "\r\n")), Progress::kIncomplete);
  }
  EXPECT_EQ(FeedRefused(absl::StrCat("X: ", Fill(300), "\r\n")), 431);
  EXPECT_TRUE(RefusalSays("trailers"));
}

TEST_F(RequestParserTest, RefusesFieldsThatBeastCannotKeep) {
  for (const std::string& field : {absl::StrCat("X: ", Fill(66'000)), Fill(66'000) + ": x"}) {
    for (const std::string& before :
         {std::string("GET / HTTP/1.1\r\nHost: h\r\n"), absl::StrCat(kChunked, "0\r\n")}) {
      input_.clear();
      RequestParser parser(1 << 20, kBodyBytesMax);
      EXPECT_EQ(Feed(&parser, absl::StrCat(before, field, "\r\n\r\n")), Progress::kRefused);
      EXPECT_EQ(static_cast<int>(parser.refusal().status), 431);
    }
  }
}

TEST_F(RequestParserTest, RefusesABodyThatIsTooLarge) {
  EXPECT_EQ(FeedRefused("POST / HTTP/1.1\r\nHost: h\r\nContent-Length: 101\r\n\r\n"), 413);
  input_.clear();
  RequestParser chunked(kHeaderBytesMax, kBodyBytesMax);
  EXPECT_EQ(Feed(&chunked, absl::StrCat(kChunked, "32\r\n", Fill(50), "\r\n33\r\n")),
            Progress::kRefused);
  EXPECT_EQ(static_cast<int>(chunked.refusal().status), 413);
}

TEST_F(RequestParserTest, RefusesABodyOfWhichItIsNotClearWhereItEnds) {
  const std::vector<std::string> unclear = {
      "1.1\r\nTransfer-Encoding: gzip",
      "1.1\r\nTransfer-Encoding: xchunked",
      "1.1\r\nTransfer-Encoding: chunked, gzip",
      "1.1\r\nTransfer-Encoding: chunked, chunked",
      "1.1\r\nTransfer-Encoding: gzip, chunked",
      "1.1\r\nTransfer-Encoding: chunked;q=1",
      "1.1\r\nTransfer-Encoding: gzip\r\nTransfer-Encoding: chunked",
      "1.1\r\nTransfer-Encoding:",
      "1.1\r\nTransfer-Encoding: gzip\r\nContent-Length: 2",
      "1.1\r\nTransfer-Encoding: chunked\r\nContent-Length: 2",
      "1.1\r\nContent-Length: 2\r\nContent-Length: 3",
      "1.0\r\nTransfer-Encoding: chunked"};
  for (const std::string& version_and_fields : unclear) {
    SCOPED_TRACE(version_and_fields);
    input_ = absl::StrCat("POST / HTTP/", version_and_fields, "\r\nHost: h\r\n\r\n");
    RequestParser parser(kHeaderBytesMax, kBodyBytesMax);
    EXPECT_EQ(parser.Parse(&input_), Progress::kRefused);
    EXPECT_EQ(static_cast<int>(parser.refusal().status), 400);
  }
  input_ = "POST / HTTP/1.1\r\nHost: h\r\ntransfer-encoding: Chunked\r\n\r\n";
  EXPECT_EQ(parser_.Parse(&input_), Progress::kHeader);
}

TEST_F(RequestParserTest, IgnoresTrailers) {
  EXPECT_EQ(
      Feed(absl::StrCat(kChunked, "1\r\nx\r\n0\r\nAuthorization: Bearer t\r\nHost: i\r\n\r\n")),
      Progress::kComplete);
  const HttpRequest request = parser_.TakeRequest();
  EXPECT_EQ(request.body(), "x");
  EXPECT_EQ(request.count(http::field::authorization), 0u);
  EXPECT_EQ(request[http::field::host], "h");
  EXPECT_EQ(request.count(http::field::host), 1u);
}

TEST_F(RequestParserTest, RefusesARequestWithoutOneHost) {
  EXPECT_EQ(FeedRefused("GET / HTTP/1.1\r\n\r\n"), 400);
  RequestParser two(kHeaderBytesMax, kBodyBytesMax);
  input_.clear();
  EXPECT_EQ(Feed(&two, "GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"), Progress::kRefused);
  RequestParser old(kHeaderBytesMax, kBodyBytesMax);
  input_.clear();
  EXPECT_EQ(Feed(&old, "GET / HTTP/1.0\r\n\r\n"), Progress::kComplete);
}

}  // namespace
}  // namespace carillon::facade
