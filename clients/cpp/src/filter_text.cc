#include "carillon/client/filter_text.h"

#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace carillon::client {
namespace {

// Of carillon.v1.FieldMatch and carillon.v1.Filter.
constexpr int kItemsMax = 10'000;
constexpr size_t kEncodedBytesMax = 64 << 10;

absl::Status Invalid(absl::string_view part, absl::string_view what) {
  return absl::InvalidArgumentError(absl::StrCat(part, ": ", what));
}

struct Item {
  std::string text;
  bool is_prefix = false;
};

// The byte that an escape stands for; 0: there is no such escape.
char Unescaped(char c) {
  switch (c) {
    case '1':
      return '.';
    case '2':
      return ',';
    case '3':
      return '*';
    case '\\':
    case ' ':
      return c;
    default:
      return 0;
  }
}

// Drops spaces around an item, but not a trailing one that is escaped.
absl::string_view Trim(absl::string_view raw) {
  raw.remove_prefix(std::min(raw.find_first_not_of(' '), raw.size()));
  const size_t size = raw.find_last_not_of(' ') + 1;
  const size_t slashes = size - (raw.substr(0, size).find_last_not_of('\\') + 1);
  return raw.substr(0, slashes % 2 == 1 ? size + 1 : size);
}

absl::StatusOr<Item> ParseItem(absl::string_view part, absl::string_view raw) {
  raw = Trim(raw);
  if (raw.empty()) {
    return Invalid(part, "an item of the list is empty; write items between commas, or one \"*\"");
  }
  Item item;
  item.text.reserve(raw.size());
  for (size_t i = 0; i < raw.size(); ++i) {
    if (raw[i] == '*') {
      if (i + 1 != raw.size()) {
        return Invalid(part, absl::StrCat("\"*\" may only be the last character of an item; for "
                                          "the character itself write \"\\3\", in \"",
                                          raw, "\""));
      }
      item.is_prefix = true;
    } else if (raw[i] == '\\') {
      const char c = i + 1 < raw.size() ? Unescaped(raw[i + 1]) : 0;
      if (c == 0) {
        return Invalid(part, absl::StrCat("unknown escape in \"", raw,
                                          "\"; \"\\1\" stands for \".\", \"\\2\" for \",\", "
                                          "\"\\3\" for \"*\", \"\\\\\" for \"\\\""));
      }
      item.text.push_back(c);
      ++i;
    } else {
      item.text.push_back(raw[i]);
    }
  }
  return item;
}

void SortAndDedupe(google::protobuf::RepeatedPtrField<std::string>* items) {
  std::sort(items->begin(), items->end());
  items->erase(std::unique(items->begin(), items->end()), items->end());
}

// Leaves `match` empty if the part matches anything.
absl::Status ParsePart(absl::string_view part, absl::string_view text, v1::FieldMatch* match) {
  if (Trim(text).empty()) {
    return Invalid(part, "is empty; write \"*\" for anything");
  }
  bool any = false;
  for (absl::string_view raw : absl::StrSplit(text, ',')) {
    absl::StatusOr<Item> item = ParseItem(part, raw);
    if (!item.ok()) return item.status();
    if (item->text.empty()) {
      any = true;
    } else if (item->is_prefix) {
      match->add_prefixes(std::move(item->text));
    } else {
      match->add_values(std::move(item->text));
    }
  }
  if (any) {
    match->Clear();
    return absl::OkStatus();
  }
  if (match->values_size() + match->prefixes_size() > kItemsMax) {
    return Invalid(part, absl::StrCat("more than ", kItemsMax, " items; use several filters"));
  }
  SortAndDedupe(match->mutable_values());
  SortAndDedupe(match->mutable_prefixes());
  return absl::OkStatus();
}

bool IsAny(const v1::FieldMatch& match) {
  return match.values().empty() && match.prefixes().empty();
}

void AppendEscaped(absl::string_view text, std::string* out) {
  const size_t first = text.find_first_not_of(' ');
  const size_t last = text.find_last_not_of(' ');
  for (size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '.':
        out->append("\\1");
        break;
      case ',':
        out->append("\\2");
        break;
      case '*':
        out->append("\\3");
        break;
      case '\\':
        out->append("\\\\");
        break;
      case ' ':
        if (i < first || i > last) out->push_back('\\');
        out->push_back(' ');
        break;
      default:
        out->push_back(text[i]);
    }
  }
}

void AppendPart(const v1::FieldMatch& match, std::string* out) {
  if (IsAny(match)) {
    out->push_back('*');
    return;
  }
  const size_t start = out->size();
  for (const std::string& value : match.values()) {
    if (out->size() > start) out->push_back(',');
    AppendEscaped(value, out);
  }
  for (const std::string& prefix : match.prefixes()) {
    if (out->size() > start) out->push_back(',');
    AppendEscaped(prefix, out);
    out->push_back('*');
  }
}

}  // namespace

absl::StatusOr<v1::Filter> ParseFilterText(absl::string_view text) {
  if (!simdjson::validate_utf8(text.data(), text.size())) {
    return absl::InvalidArgumentError("a filter is UTF-8 text; this one is not");
  }
  const std::vector<absl::string_view> parts = absl::StrSplit(text, absl::MaxSplits('.', 2));
  if (parts.size() < 3) {
    return absl::InvalidArgumentError(absl::StrCat(
        "a filter has three parts, type.action.key, such as \"machines.*.*\"; this one has ",
        text.empty() ? 0 : parts.size()));
  }
  v1::Filter filter;
  absl::Status status = ParsePart("type", parts[0], filter.mutable_type());
  if (status.ok()) status = ParsePart("action", parts[1], filter.mutable_action());
  if (status.ok()) status = ParsePart("key", parts[2], filter.mutable_key());
  if (!status.ok()) return status;
  if (IsAny(filter.type())) filter.clear_type();
  if (IsAny(filter.action())) filter.clear_action();
  if (IsAny(filter.key())) filter.clear_key();
  if (filter.ByteSizeLong() > kEncodedBytesMax) {
    return absl::InvalidArgumentError(absl::StrCat("the filter takes more than ", kEncodedBytesMax,
                                                   " bytes; use several filters"));
  }
  return filter;
}

std::string FormatFilterText(const v1::Filter& filter) {
  std::string text;
  AppendPart(filter.type(), &text);
  text.push_back('.');
  AppendPart(filter.action(), &text);
  text.push_back('.');
  AppendPart(filter.key(), &text);
  return text;
}

}  // namespace carillon::client
