// Makes a request of the bytes that come on a connection, within limits. Pure.
#ifndef CARILLON_WSFACADE_HTTP_REQUEST_PARSER_H_
#define CARILLON_WSFACADE_HTTP_REQUEST_PARSER_H_

#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/status.hpp>
#include <cstdint>
#include <string>

#include "wsfacade/http/message.h"

namespace carillon::facade {

// Why something is not taken as a request.
struct RequestRefusal {
  boost::beast::http::status status;
  const char* type;
  std::string message;
};

// For one request.
class RequestParser {
 public:
  enum class Progress : uint8_t {
    // More must come.
    kIncomplete,
    // The header is complete. Said once, before anything of a body is taken.
    kHeader,
    kComplete,
    // Nothing that follows on the connection can be understood.
    kRefused,
  };

  // `header_bytes_max` is also the limit for the trailers, and for the line that begins a chunk.
  RequestParser(uint32_t header_bytes_max, uint64_t body_bytes_max);

  // Takes what it can from the front of `input`, and leaves no more there than header_bytes_max of
  // an incomplete request. Not to be called again after kRefused.
  Progress Parse(std::string* input);

  // From kHeader until TakeRequest.
  const HttpHeader& header() const { return header_; }
  // At kHeader: whether it is not the whole request.
  bool expects_body() const { return !beast_.is_done(); }
  // Whether the answer must have no body; false as long as that is not known.
  bool is_head() const { return is_head_; }
  // After kComplete, once.
  HttpRequest TakeRequest();
  // After kRefused.
  const RequestRefusal& refusal() const { return refusal_; }

 private:
  Progress TakeHeader();
  Progress Refuse(boost::beast::http::status status, const char* type, std::string message);

  const uint32_t header_bytes_max_;
  const uint64_t body_bytes_max_;
  boost::beast::http::request_parser<boost::beast::http::string_body> beast_;
  HttpHeader header_;
  RequestRefusal refusal_{};
  // What was taken of the header.
  size_t header_bytes_ = 0;
  bool is_head_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_REQUEST_PARSER_H_
