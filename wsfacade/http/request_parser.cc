#include "wsfacade/http/request_parser.h"

#include <boost/beast/core/string.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <stdexcept>
#include <utility>

#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

namespace http = boost::beast::http;

constexpr const char* kBadRequest = "BAD_REQUEST";
constexpr const char* kHeaderTooLarge = "HEADER_TOO_LARGE";

// Of "0" and two ends of lines. Until a chunked body is complete, at least so much of it is
// missing, and Beast asserts that it has so much where it looks for the end of the trailers.
constexpr size_t kLastChunkBytes = 5;

// Whether it is clear where the body ends (RFC 9112, sections 6.1 and 6.3). Beast takes a body in
// any other coding for none, and what comes of it would be read as the next request.
bool IsFramed(const HttpHeader& header) {
  const size_t codings = header.count(http::field::transfer_encoding);
  return codings == 0 || (codings == 1 && header.version() >= 11 &&
                          boost::beast::iequals(header[http::field::transfer_encoding], "chunked"));
}

}  // namespace

RequestParser::RequestParser(uint32_t header_bytes_max, uint64_t body_bytes_max)
    : header_bytes_max_(header_bytes_max), body_bytes_max_(body_bytes_max) {
  beast_.header_limit(header_bytes_max);
  beast_.body_limit(body_bytes_max);
}

RequestParser::Progress RequestParser::Parse(std::string* input) {
  if (beast_.is_done()) return Progress::kComplete;
  const bool in_header = !beast_.is_header_done();
  const size_t least = !in_header && beast_.chunked() ? kLastChunkBytes : 1;
  if (input->size() < least) return Progress::kIncomplete;
  boost::system::error_code error;
  size_t taken = 0;
  try {
    taken = beast_.put(boost::asio::buffer(*input), error);
  } catch (const std::length_error&) {
    // Beast counts the bytes of a field in 16 bits.
    return Refuse(http::status::request_header_fields_too_large, kHeaderTooLarge,
                  "a field of the request, name or value, is larger than 65,533 bytes");
  }
  input->erase(0, taken);
  if (in_header) {
    header_bytes_ += taken;
    is_head_ = beast_.get().method() == http::verb::head;
  }
  // Beast's limit is for the bytes of one call alone, and for the header alone.
  const size_t waiting = error == http::error::need_more ? input->size() : 0;
  if (error == http::error::header_limit ||
      (in_header ? header_bytes_ : 0) + waiting > header_bytes_max_) {
    return Refuse(http::status::request_header_fields_too_large, kHeaderTooLarge,
                  absl::StrCat(in_header ? "the request's header is"
                                         : "the trailers of the request, or the line before a "
                                           "chunk, are",
                               " larger than header-bytes-max, ", header_bytes_max_, " bytes"));
  }
  if (error == http::error::body_limit) {
    return Refuse(http::status::payload_too_large, "BODY_TOO_LARGE",
                  absl::StrCat("the request's body is larger than body-bytes-max, ",
                               body_bytes_max_, " bytes"));
  }
  if (error && error != http::error::need_more) {
    return Refuse(http::status::bad_request, kBadRequest,
                  absl::StrCat("this is not HTTP/1.1: ", error.message()));
  }
  if (in_header && beast_.is_header_done()) return TakeHeader();
  return beast_.is_done() ? Progress::kComplete : Progress::kIncomplete;
}

RequestParser::Progress RequestParser::TakeHeader() {
  beast_.eager(true);
  // Beast will add the trailers to the fields of its message. They are ignored, as RFC 9112,
  // section 7.1.2, allows: the request must stay what it was when its header was judged.
  header_ = std::move(beast_.get().base());
  // RFC 9112, section 3.2.
  if (header_.version() >= 11 && header_.count(http::field::host) != 1) {
    return Refuse(http::status::bad_request, kBadRequest, "an HTTP/1.1 request has one Host field");
  }
  if (!IsFramed(header_)) {
    return Refuse(http::status::bad_request, kBadRequest,
                  "the only Transfer-Encoding is \"chunked\", and that in HTTP/1.1");
  }
  return Progress::kHeader;
}

HttpRequest RequestParser::TakeRequest() {
  return HttpRequest(std::move(header_), std::move(beast_.get().body()));
}

RequestParser::Progress RequestParser::Refuse(http::status status, const char* type,
                                              std::string message) {
  refusal_ = {.status = status, .type = type, .message = std::move(message)};
  return Progress::kRefused;
}

}  // namespace carillon::facade
