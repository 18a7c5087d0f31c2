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
  steps_ = 0;
  children_.clear();
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

bool Document::IsWorthAnIndex(uint32_t parent) const {
  constexpr size_t kStepsMax = 10'000;
  constexpr uint32_t kFewValues = 32;
  return steps_ > kStepsMax && values_[parent].end - parent > kFewValues;
}

const Document::Children& Document::ChildrenOf(uint32_t parent) {
  const auto [entry, is_new] = children_.try_emplace(parent);
  Children& children = entry->second;
  if (!is_new) return children;
  const bool has_names = values_[parent].kind == Kind::kObject;
  for (uint32_t i = parent + 1; i < values_[parent].end; i = values_[i].end) {
    if (has_names) {
      children.by_name[values_[i].name] = i;
    } else {
      children.in_order.push_back(i);
    }
  }
  return children;
}

uint32_t Document::Member(uint32_t object, absl::string_view name) {
  if (IsWorthAnIndex(object)) {
    const Children& children = ChildrenOf(object);
    const auto found = children.by_name.find(name);
    return found == children.by_name.end() ? 0 : found->second;
  }
  uint32_t found = 0;
  for (uint32_t i = object + 1; i < values_[object].end; i = values_[i].end, ++steps_) {
    if (values_[i].name == name) found = i;
  }
  return found;
}

uint32_t Document::Element(uint32_t array, absl::string_view token) {
  const std::optional<uint32_t> index = ArrayIndex(token);
  if (!index.has_value()) return 0;
  if (IsWorthAnIndex(array)) {
    const Children& children = ChildrenOf(array);
    return *index < children.in_order.size() ? children.in_order[*index] : 0;
  }
  uint32_t i = array + 1;
  for (uint32_t n = 0; n < *index && i < values_[array].end; ++n, ++steps_) i = values_[i].end;
  return i < values_[array].end ? i : 0;
}

uint32_t Document::Child(uint32_t parent, absl::string_view token) {
  switch (values_[parent].kind) {
    case Kind::kObject:
      return Member(parent, token);
    case Kind::kArray:
      return Element(parent, token);
    default:
      return 0;
  }
}

const Value* Document::Find(absl::Span<const std::string> pointer_tokens) {
  if (values_.empty()) return nullptr;
  uint32_t value = 0;
  for (const std::string& token : pointer_tokens) {
    value = Child(value, token);
    if (value == 0) return nullptr;
  }
  return &values_[value];
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
