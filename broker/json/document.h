// A JSON text to look into: by pointer, with numbers kept as they were written.
#ifndef CARILLON_BROKER_JSON_DOCUMENT_H_
#define CARILLON_BROKER_JSON_DOCUMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carillon::json {

enum class Kind : uint8_t { kNull, kFalse, kTrue, kNumber, kString, kArray, kObject };

// A value within a Document.
struct Value {
  Kind kind = Kind::kNull;
  // Values are kept in the order of the text: those within this one follow it, up to here.
  uint32_t end = 0;
  // Its name, if it is a member of an object.
  absl::string_view name;
  // Of a string: its characters, unescaped. Of a number: as it is written.
  absl::string_view text;
};

// Not thread-safe. Keeps its memory from one text to the next.
class Document {
 public:
  Document() = default;
  Document(const Document&) = delete;
  Document& operator=(const Document&) = delete;

  // Parses `text`, which must remain live while this document is in use. False, and without any
  // value, if json::Check would refuse it.
  bool Parse(absl::string_view text);

  // The value that the tokens of a JSON Pointer (see SplitPointer) lead to; null if there is none.
  // Of members with the same name the last one counts, as in ECMAScript's JSON.parse. Valid until
  // the next Parse.
  const Value* Find(absl::Span<const std::string> pointer_tokens);

 private:
  friend class DocumentBuilder;
  // Where the values within an object or array are: by name, or in order.
  struct Children {
    absl::flat_hash_map<absl::string_view, uint32_t> by_name;
    std::vector<uint32_t> in_order;
  };

  // Values are told by their place in values_; 0, which is within none, stands for no value.
  uint32_t Child(uint32_t parent, absl::string_view token);
  uint32_t Member(uint32_t object, absl::string_view name);
  uint32_t Element(uint32_t array, absl::string_view token);
  // Whether so much was looked through that an index pays.
  bool IsWorthAnIndex(uint32_t parent) const;
  const Children& ChildrenOf(uint32_t parent);

  std::vector<Value> values_;
  // Values looked at since the last Parse, and what is known of those that many were looked for in.
  size_t steps_ = 0;
  absl::flat_hash_map<uint32_t, Children> children_;
  // Holds strings whose text has escapes. Never grows while a text is parsed.
  std::string unescaped_;
  // Holds the text that was parsed if it is not the one given; see exponents.h.
  std::string rewritten_;
};

// Splits a JSON Pointer (RFC 6901) into its reference tokens, "~0" and "~1" unescaped.
// INVALID_ARGUMENT says what is wrong with it.
absl::StatusOr<std::vector<std::string>> SplitPointer(absl::string_view pointer);

}  // namespace carillon::json

#endif  // CARILLON_BROKER_JSON_DOCUMENT_H_
