// Runs a text through the JSON library. Only for this room: heavy to include.
#ifndef CARILLON_BROKER_JSON_PARSE_H_
#define CARILLON_BROKER_JSON_PARSE_H_

#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/error.hpp>
#include <cstddef>
#include <utility>

#include "absl/strings/string_view.h"
#include "broker/json/check.h"

namespace carillon::json {

// A handler without limits of its own and that ignores everything; to derive from.
struct NullHandler {
  using Text = boost::json::string_view;
  using Error = boost::json::error_code;

  static constexpr size_t max_array_size = static_cast<size_t>(-1);
  static constexpr size_t max_object_size = static_cast<size_t>(-1);
  static constexpr size_t max_string_size = static_cast<size_t>(-1);
  static constexpr size_t max_key_size = static_cast<size_t>(-1);

  bool on_document_begin(Error&) { return true; }
  bool on_document_end(Error&) { return true; }
  bool on_array_begin(Error&) { return true; }
  bool on_array_end(size_t, Error&) { return true; }
  bool on_object_begin(Error&) { return true; }
  bool on_object_end(size_t, Error&) { return true; }
  bool on_string_part(Text, size_t, Error&) { return true; }
  bool on_string(Text, size_t, Error&) { return true; }
  bool on_key_part(Text, size_t, Error&) { return true; }
  bool on_key(Text, size_t, Error&) { return true; }
  bool on_number_part(Text, Error&) { return true; }
  bool on_int64(int64_t, Text, Error&) { return true; }
  bool on_uint64(uint64_t, Text, Error&) { return true; }
  bool on_double(double, Text, Error&) { return true; }
  bool on_bool(bool, Error&) { return true; }
  bool on_null(Error&) { return true; }
  bool on_comment_part(Text, Error&) { return true; }
  bool on_comment(Text, Error&) { return true; }
};

struct ParseOutcome {
  boost::json::error_code error;
  // Where the parser stopped.
  size_t offset = 0;
};

template <typename Handler, typename... Args>
ParseOutcome Parse(absl::string_view text, Args&&... handler_args) {
  boost::json::parse_options options;
  options.max_depth = kDepthMax;
  boost::json::basic_parser<Handler> parser(options, std::forward<Args>(handler_args)...);
  ParseOutcome outcome;
  outcome.offset = parser.write_some(/*more=*/false, text.data(), text.size(), outcome.error);
  if (!outcome.error && outcome.offset < text.size()) {
    outcome.error = boost::json::error::extra_data;
  }
  return outcome;
}

}  // namespace carillon::json

#endif  // CARILLON_BROKER_JSON_PARSE_H_
