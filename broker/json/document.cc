#include "broker/json/document.h"

#include <charconv>
#include <functional>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "broker/json/exponents.h"
#include "broker/json/parse.h"

namespace carillon::json {

// Appends the values of a text to a document.
class DocumentBuilder : public NullHandler {
 public:
  DocumentBuilder(absl::string_view source, Document* document)
      : source_(source), document_(*document) {}

  bool on_array_begin(Error&) { return Open(Kind::kArray); }
  bool on_array_end(size_t, Error&) { return Close(); }
  bool on_object_begin(Error&) { return Open(Kind::kObject); }
  bool on_object_end(size_t, Error&) { return Close(); }
  bool on_string_part(Text part, size_t, Error&) { return Collect(part); }
  bool on_string(Text last, size_t size, Error&) { return Add(Kind::kString, Whole(last, size)); }
  bool on_key_part(Text part, size_t, Error&) { return Collect(part); }
  bool on_key(Text last, size_t size, Error&) {
    name_ = Whole(last, size);
    return true;
  }
  bool on_int64(int64_t, Text text, Error&) { return AddNumber(text); }
  bool on_uint64(uint64_t, Text text, Error&) { return AddNumber(text); }
  bool on_double(double, Text text, Error&) { return AddNumber(text); }
  bool on_bool(bool value, Error&) { return Add(value ? Kind::kTrue : Kind::kFalse, {}); }
  bool on_null(Error&) { return Add(Kind::kNull, {}); }

 private:
  bool Add(Kind kind, absl::string_view text) {
    const uint32_t index = static_cast<uint32_t>(document_.values_.size());
    document_.values_.push_back(Value{kind, index + 1, name_, text});
    name_ = {};
    return true;
  }
  bool AddNumber(Text text) { return Add(Kind::kNumber, {text.data(), text.size()}); }
  bool Open(Kind kind) {
    open_.push_back(static_cast<uint32_t>(document_.values_.size()));
    return Add(kind, {});
  }
  bool Close() {
    document_.values_[open_.back()].end = static_cast<uint32_t>(document_.values_.size());
    open_.pop_back();
    return true;
  }

  // A string comes in one part that points into the source, or in several (escapes).
  bool Collect(Text part) {
    std::string& unescaped = document_.unescaped_;
    // Unescaping never lengthens, so that views into it stay good.
    if (unescaped.capacity() < source_.size()) unescaped.reserve(source_.size());
    unescaped.append(part.data(), part.size());
    return true;
  }
  bool InSource(Text text) const {
    const std::less_equal<const char*> not_after;
    return not_after(source_.data(), text.data()) &&
           not_after(text.data() + text.size(), source_.data() + source_.size());
  }
  absl::string_view Whole(Text last, size_t size) {
    if (last.size() == size && InSource(last)) return {last.data(), size};
    Collect(last);
    return absl::string_view(document_.unescaped_).substr(document_.unescaped_.size() - size);
  }

  const absl::string_view source_;
  Document& document_;
  std::vector<uint32_t> open_;
  absl::string_view name_;
};

bool Document::Parse(absl::string_view text) {
  values_.clear();
  unescaped_.clear();
  ParseOutcome outcome = json::Parse<DocumentBuilder>(text, text, this);
  if (outcome.error == boost::json::error::exponent_overflow) {
    rewritten_ = CutExponents(text);
    values_.clear();
    unescaped_.clear();
    outcome = json::Parse<DocumentBuilder>(rewritten_, rewritten_, this);
  }
  if (outcome.error) values_.clear();
  return !outcome.error;
}

namespace {

std::optional<uint32_t> ArrayIndex(absl::string_view token) {
  if (token.empty() || (token.size() > 1 && token[0] == '0')) return std::nullopt;
  uint32_t index = 0;
  const char* end = token.data() + token.size();
  const auto [last, error] = std::from_chars(token.data(), end, index);
  if (error != std::errc() || last != end) return std::nullopt;
  return index;
}

}  // namespace

const Value* Document::Child(const Value& parent, absl::string_view token) const {
  const uint32_t begin = static_cast<uint32_t>(&parent - values_.data()) + 1;
  const Value* found = nullptr;
  if (parent.kind == Kind::kObject) {
    for (uint32_t i = begin; i < parent.end; i = values_[i].end) {
      if (values_[i].name == token) found = &values_[i];
    }
  } else if (parent.kind == Kind::kArray) {
    const std::optional<uint32_t> index = ArrayIndex(token);
    if (!index.has_value()) return nullptr;
    uint32_t i = begin;
    for (uint32_t n = 0; n < *index && i < parent.end; ++n) i = values_[i].end;
    if (i < parent.end) found = &values_[i];
  }
  return found;
}

const Value* Document::Find(absl::Span<const std::string> pointer_tokens) const {
  if (values_.empty()) return nullptr;
  const Value* value = &values_.front();
  for (const std::string& token : pointer_tokens) {
    value = Child(*value, token);
    if (value == nullptr) return nullptr;
  }
  return value;
}

absl::StatusOr<std::vector<std::string>> SplitPointer(absl::string_view pointer) {
  std::vector<std::string> tokens;
  if (pointer.empty()) return tokens;
  if (pointer.front() != '/') {
    return absl::InvalidArgumentError("must be empty or begin with \"/\", as in \"/Meta/color\"");
  }
  for (size_t i = 0; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] != '~') {
      tokens.back().push_back(pointer[i]);
    } else {
      const char escape = i + 1 < pointer.size() ? pointer[i + 1] : '\0';
      if (escape != '0' && escape != '1') {
        return absl::InvalidArgumentError(absl::StrCat(
            "\"~\" at byte ", i, " must be written \"~0\" (and \"/\" within a name \"~1\")"));
      }
      tokens.back().push_back(escape == '0' ? '~' : '/');
      ++i;
    }
  }
  return tokens;
}

}  // namespace carillon::json
