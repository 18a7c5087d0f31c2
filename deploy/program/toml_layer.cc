#include "deploy/program/toml_layer.h"

#include <toml++/toml.h>

#include <map>
#include <optional>
#include <string_view>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"

namespace carillon::program {
namespace {

class Flattener {
 public:
  Flattener(const std::string& path, std::vector<std::string>* errors)
      : path_(path), errors_(errors) {}

  void AddTable(const toml::table& table, const std::string& prefix) {
    for (const auto& [key, node] : table) {
      const std::string_view key_text = key.str();
      const std::string name = absl::StrCat(
          prefix, absl::StrReplaceAll({key_text.data(), key_text.size()}, {{"_", "-"}}));
      const std::string place = absl::StrCat(path_, ":", key.source().begin.line);
      if (const toml::table* inner = node.as_table()) {
        AddTable(*inner, name + "-");
      } else {
        AddValue(node, name, place);
      }
    }
  }

  std::vector<TomlEntry> Take() { return std::move(entries_); }

 private:
  void AddValue(const toml::node& node, const std::string& name, const std::string& place) {
    TomlEntry entry{name, {}, node.is_array(), place};
    bool good = true;
    if (const toml::array* array = node.as_array()) {
      for (const toml::node& element : *array) good = AddText(element, &entry) && good;
    } else {
      good = AddText(node, &entry);
    }
    if (!good) {
      errors_->push_back(absl::StrCat(
          place, ": ", name,
          ": a value is a string, a whole number, true or false, or an array of strings"));
      return;
    }
    const auto [first, is_new] = places_.emplace(name, place);
    if (!is_new) {
      errors_->push_back(absl::StrCat(place, ": ", name, ": is already set at ", first->second));
      return;
    }
    entries_.push_back(std::move(entry));
  }

  static bool AddText(const toml::node& node, TomlEntry* entry) {
    if (const std::optional<std::string> text = node.value_exact<std::string>()) {
      entry->values.push_back(*text);
    } else if (const std::optional<int64_t> number = node.value_exact<int64_t>()) {
      entry->values.push_back(absl::StrCat(*number));
    } else if (const std::optional<bool> flag = node.value_exact<bool>()) {
      entry->values.push_back(*flag ? "true" : "false");
    } else {
      return false;
    }
    return true;
  }

  const std::string& path_;
  std::vector<std::string>* const errors_;
  std::map<std::string, std::string> places_;
  std::vector<TomlEntry> entries_;
};

}  // namespace

std::vector<TomlEntry> ParseTomlLayer(const std::string& text, const std::string& path,
                                      std::vector<std::string>* errors) {
  Flattener flattener(path, errors);
  try {
    flattener.AddTable(toml::parse(text), "");
  } catch (const toml::parse_error& error) {
    const std::string_view why = error.description();
    errors->push_back(absl::StrCat(path, ":", error.source().begin.line, ": ",
                                   absl::string_view(why.data(), why.size())));
  }
  return flattener.Take();
}

}  // namespace carillon::program
