// Requests on a connection. The first byte says how many bytes come at a time.
#include <algorithm>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz.h"
#include "wsfacade/http/request_parser.h"

using carillon::fuzz::Require;
using namespace carillon::facade;

namespace {

namespace http = boost::beast::http;

struct Limits {
  uint32_t header_bytes_max;
  uint64_t body_bytes_max;
};

// Beyond all that a fuzzer writes.
constexpr Limits kWide{1 << 20, 1 << 20};
constexpr Limits kNarrow{64, 16};

std::string TextOf(const HttpRequest& request) {
  std::string text = absl::StrCat(std::string(request.method_string()), " ",
                                  std::string(request.target()), " ", request.version(), "\n");
  for (const auto& field : request) {
    absl::StrAppend(&text, std::string(field.name_string()), ": ", std::string(field.value()),
                    "\n");
  }
  return absl::StrCat(text, "\n", request.body());
}

// As HttpSession does it.
std::vector<std::string> Requests(absl::string_view text, size_t piece, const Limits& limits) {
  std::vector<std::string> requests;
  std::string input;
  std::optional<RequestParser> parser;
  while (!text.empty()) {
    absl::StrAppend(&input, text.substr(0, piece));
    text.remove_prefix(std::min(piece, text.size()));
    for (bool more = true; more;) {
      if (!parser.has_value()) {
        input.erase(0, input.find_first_not_of("\r\n"));
        if (input.empty()) break;
        parser.emplace(limits.header_bytes_max, limits.body_bytes_max);
      }
      switch (parser->Parse(&input)) {
        case RequestParser::Progress::kIncomplete:
          Require(input.size() <= limits.header_bytes_max, "little is kept of what is incomplete");
          more = false;
          break;
        case RequestParser::Progress::kHeader:
          Require(parser->header().version() < 11 || parser->header().count(http::field::host) == 1,
                  "there is one host");
          break;
        case RequestParser::Progress::kComplete: {
          const HttpRequest request = parser->TakeRequest();
          Require(request.body().size() <= limits.body_bytes_max, "bodies keep to the limit");
          requests.push_back(TextOf(request));
          parser.reset();
          break;
        }
        case RequestParser::Progress::kRefused:
          Require(!parser->refusal().message.empty(), "a refusal has a reason");
          return requests;
      }
    }
  }
  return requests;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const size_t piece = data[0] + 1;
  const absl::string_view text = carillon::fuzz::TextOf(data + 1, size - 1);
  Require(Requests(text, piece, kWide) == Requests(text, text.size(), kWide),
          "it does not matter in which pieces requests come");
  Requests(text, piece, kNarrow);
  return 0;
}
