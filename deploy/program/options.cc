// Declaring options, and putting the layers together.
#include "deploy/program/options.h"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "deploy/program/files.h"
#include "deploy/program/suggest.h"
#include "deploy/program/toml_layer.h"
#include "deploy/program/units.h"

namespace carillon::program {
namespace {

using Texts = std::vector<std::string>;

absl::Status ParseFlag(const std::string& text, bool* target) {
  if (!absl::SimpleAtob(text, target)) {
    return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is neither true nor false"));
  }
  return absl::OkStatus();
}

absl::Status NotInRange(const std::string& text, absl::string_view range) {
  return absl::InvalidArgumentError(absl::StrCat("\"", text, "\" is not in the range ", range));
}

absl::Status CheckReadable(const std::string& path) {
  if (path.empty()) return absl::OkStatus();
  return ReadFile(path).status();
}

// A status message, in one line.
std::string OneLine(absl::string_view message) {
  return absl::StrReplaceAll(message, {{"\n", " "}, {"\r", " "}});
}

}  // namespace

Environment ProcessEnvironment() {
  Environment environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::pair<std::string, std::string> variable =
        absl::StrSplit(*entry, absl::MaxSplits('=', 1));
    environment.insert(variable);
  }
  return environment;
}

OptionSet::Option& OptionSet::Option::Secret() {
  secret = true;
  return *this;
}

OptionSet::Option& OptionSet::Option::AllowEmpty() {
  allow_empty = true;
  return *this;
}

OptionSet::Option& OptionSet::Option::Required() {
  required = true;
  return *this;
}

OptionSet::Option& OptionSet::Option::Placeholder(std::string word) {
  placeholder = std::move(word);
  return *this;
}

OptionSet::OptionSet(ProgramInfo program, std::string environment_prefix)
    : program_(std::move(program)), environment_prefix_(std::move(environment_prefix)) {}

OptionSet::~OptionSet() = default;

void OptionSet::Group(std::string heading) { group_ = std::move(heading); }

OptionSet::Option& OptionSet::Add(std::string name, std::string help, std::string placeholder) {
  ABSL_RAW_CHECK(Find(name) == nullptr, "an option is declared twice");
  auto option = std::make_unique<Option>();
  option->name = std::move(name);
  option->help = std::move(help);
  option->group = group_;
  option->placeholder = std::move(placeholder);
  options_.push_back(std::move(option));
  return *options_.back();
}

OptionSet::Option& OptionSet::AddFlag(std::string name, bool* target, std::string help) {
  Option& option = Add(std::move(name), std::move(help), "");
  option.is_flag = true;
  option.assign = [target](const Texts& texts) { return ParseFlag(texts.back(), target); };
  option.show = [target] { return *target ? "true" : "false"; };
  return option;
}

OptionSet::Option& OptionSet::AddString(std::string name, std::string* target, std::string help) {
  Option& option = Add(std::move(name), std::move(help), "TEXT").AllowEmpty();
  option.assign = [target](const Texts& texts) {
    *target = texts.back();
    return absl::OkStatus();
  };
  option.show = [target] { return *target; };
  return option;
}

OptionSet::Option& OptionSet::AddList(std::string name, std::vector<std::string>* target,
                                      std::string help) {
  Option& option = Add(std::move(name), std::move(help), "TEXT").AllowEmpty();
  option.is_list = true;
  option.assign = [target](const Texts& texts) {
    target->clear();
    for (const std::string& text : texts) {
      const absl::string_view item = absl::StripAsciiWhitespace(text);
      if (!item.empty()) target->emplace_back(item);
    }
    return absl::OkStatus();
  };
  option.show = [target] { return absl::StrJoin(*target, ","); };
  return option;
}

OptionSet::Option& OptionSet::AddFile(std::string name, std::string* target, std::string help) {
  Option& option = Add(std::move(name), std::move(help), "FILE").AllowEmpty();
  option.assign = [target](const Texts& texts) {
    *target = texts.back();
    return CheckReadable(*target);
  };
  option.show = [target] { return *target; };
  return option;
}

OptionSet::Option& OptionSet::AddEndpoint(std::string name, Endpoint* target, std::string help) {
  Option& option = Add(std::move(name), std::move(help), "HOST:PORT");
  option.assign = [target, &option](const Texts& texts) {
    if (texts.back().empty() && option.allow_empty) {
      *target = Endpoint();
      return absl::OkStatus();
    }
    absl::StatusOr<Endpoint> endpoint = ParseEndpoint(texts.back());
    if (!endpoint.ok()) return endpoint.status();
    *target = *std::move(endpoint);
    return absl::OkStatus();
  };
  option.show = [target] { return target->ToString(); };
  return option;
}

OptionSet::Option& OptionSet::AddDuration(std::string name, absl::Duration* target,
                                          std::string help, absl::Duration min,
                                          absl::Duration max) {
  Option& option = Add(std::move(name), std::move(help), "DURATION");
  option.range = absl::StrCat(DurationText(min), " to ", DurationText(max));
  option.assign = [target, min, max, range = option.range](const Texts& texts) {
    const absl::StatusOr<absl::Duration> duration = ParseDuration(texts.back());
    if (!duration.ok()) return duration.status();
    if (*duration < min || *duration > max) return NotInRange(texts.back(), range);
    *target = *duration;
    return absl::OkStatus();
  };
  option.show = [target] { return DurationText(*target); };
  return option;
}

OptionSet::Option& OptionSet::AddWord(std::string name, std::string* target, std::string help,
                                      std::vector<std::string> words) {
  return AddChoice(
      std::move(name), std::move(help), words, [target] { return *target; },
      [target, words](size_t index) { *target = words[index]; });
}

OptionSet::Option& OptionSet::AddChoice(std::string name, std::string help,
                                        std::vector<std::string> words,
                                        std::function<std::string()> get,
                                        std::function<void(size_t)> set) {
  Option& option = Add(std::move(name), std::move(help), absl::StrJoin(words, "|"));
  option.assign = [words = std::move(words), set = std::move(set)](const Texts& texts) {
    const auto found = std::find(words.begin(), words.end(), texts.back());
    if (found == words.end()) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", texts.back(), "\" is none of ", absl::StrJoin(words, ", ")));
    }
    set(static_cast<size_t>(found - words.begin()));
    return absl::OkStatus();
  };
  option.show = std::move(get);
  return option;
}

OptionSet::Option& OptionSet::AddInteger(std::string name, std::string help, int64_t min,
                                         int64_t max, std::function<int64_t()> get,
                                         std::function<void(int64_t)> set) {
  Option& option = Add(std::move(name), std::move(help), "N");
  option.range = absl::StrCat(min, " to ", max);
  option.assign = [min, max, set = std::move(set), range = option.range](const Texts& texts) {
    int64_t value = 0;
    if (!absl::SimpleAtoi(texts.back(), &value)) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", texts.back(), "\" is not a whole number from ", range));
    }
    if (value < min || value > max) return NotInRange(texts.back(), range);
    set(value);
    return absl::OkStatus();
  };
  option.show = [get = std::move(get)] { return absl::StrCat(get()); };
  return option;
}

OptionSet::Option& OptionSet::AddByteSize(std::string name, std::string help, uint64_t min,
                                          uint64_t max, std::function<uint64_t()> get,
                                          std::function<void(uint64_t)> set) {
  Option& option = Add(std::move(name), std::move(help), "BYTES");
  option.range = absl::StrCat(ByteSizeText(min), " to ", ByteSizeText(max));
  option.assign = [min, max, set = std::move(set), range = option.range](const Texts& texts) {
    const absl::StatusOr<uint64_t> bytes = ParseByteSize(texts.back());
    if (!bytes.ok()) return bytes.status();
    if (*bytes < min || *bytes > max) return NotInRange(texts.back(), range);
    set(*bytes);
    return absl::OkStatus();
  };
  option.show = [get = std::move(get)] { return ByteSizeText(get()); };
  return option;
}

void OptionSet::Check(std::vector<std::string> names, std::function<absl::Status()> condition) {
  for (const std::string& name : names) {
    ABSL_RAW_CHECK(Find(name) != nullptr, "a condition on an option that is not declared");
  }
  conditions_.push_back({std::move(names), std::move(condition)});
}

OptionSet::Option* OptionSet::Find(absl::string_view name) {
  for (const auto& option : options_) {
    if (option->name == name) return option.get();
  }
  return nullptr;
}

std::string OptionSet::Suggestion(absl::string_view name, absl::string_view prefix) const {
  Texts names;
  for (const auto& option : options_) names.push_back(option->name);
  const std::string closest = ClosestWord(name, names);
  return closest.empty() ? "" : absl::StrCat(": did you mean ", prefix, closest, "?");
}

std::string OptionSet::VariableOf(const Option& option) const {
  return absl::StrCat(environment_prefix_,
                      absl::AsciiStrToUpper(absl::StrReplaceAll(option.name, {{"-", "_"}})));
}

void OptionSet::Offer(Option* option, Texts values, std::string origin) {
  if (!option->origin.empty()) return;
  option->values = std::move(values);
  option->origin = std::move(origin);
}

void OptionSet::TakeConfigFile(const Layers& layers, Texts* errors) {
  const std::string& path = layers.config_file;
  if (path.empty()) return;
  if (layers.config_file_optional && access(path.c_str(), F_OK) != 0) return;
  const absl::StatusOr<std::string> text = ReadFile(path);
  if (!text.ok()) {
    errors->push_back(absl::StrCat("--config: ", text.status().message()));
    return;
  }
  for (TomlEntry& entry : ParseTomlLayer(*text, path, errors)) {
    Option* const option = Find(entry.name);
    if (option == nullptr) {
      errors->push_back(absl::StrCat(entry.place, ": no such option as ", entry.name,
                                     Suggestion(entry.name, "")));
      continue;
    }
    const std::string origin = absl::StrCat(entry.place, ": ", entry.name);
    if (entry.is_array && !option->is_list) {
      errors->push_back(absl::StrCat(origin, ": takes one value, not an array"));
      option->invalid = true;
    }
    if (!option->invalid) Offer(option, std::move(entry.values), origin);
  }
}

void OptionSet::TakeEnvironment(const Environment& environment) {
  for (const auto& option : options_) {
    const std::string variable = VariableOf(*option);
    const auto found = environment.find(variable);
    if (found == environment.end()) continue;
    const std::string& text = found->second;
    // Most shells cannot tell an empty variable from none; only an option that has a meaning for
    // the empty value takes it.
    if (text.empty() && !option->allow_empty) continue;
    Texts values = {text};
    if (option->is_list) values = absl::StrSplit(text, ',', absl::SkipWhitespace());
    Offer(option.get(), std::move(values), variable);
  }
}

void OptionSet::Assign(Texts* errors) {
  for (const auto& option : options_) {
    if (option->invalid) continue;
    if (!option->origin.empty()) {
      const absl::Status assigned = option->assign(option->values);
      if (!assigned.ok()) {
        option->invalid = true;
        errors->push_back(
            absl::StrCat(option->origin, ": ",
                         option->secret ? "the value is not valid" : OneLine(assigned.message())));
      }
    }
    if (!option->invalid && option->required && option->show().empty()) {
      option->invalid = true;
      errors->push_back(absl::StrCat("--", option->name, ": must be set, here, in the file of ",
                                     "--config, or as ", VariableOf(*option)));
    }
  }
}

void OptionSet::RunConditions(Texts* errors) {
  for (const Condition& condition : conditions_) {
    const auto invalid = [this](const std::string& name) { return Find(name)->invalid; };
    if (std::any_of(condition.names.begin(), condition.names.end(), invalid)) continue;
    const absl::Status holds = condition.holds();
    if (holds.ok()) continue;
    errors->push_back(OneLine(holds.message()));
    for (const std::string& name : condition.names) Find(name)->invalid = true;
  }
}

Texts OptionSet::ResolveLayers(const Layers& given) {
  Layers layers = given;
  if (app_ != nullptr) TakeFlagsOf(*app_, &layers);
  Texts errors;
  std::map<std::string, Texts> flags;
  for (const auto& [name, value] : layers.flags) flags[name].push_back(value);
  for (auto& [name, values] : flags) {
    Option* const option = Find(name);
    if (option == nullptr) {
      errors.push_back(absl::StrCat("--", name, ": no such option", Suggestion(name, "--")));
      continue;
    }
    Offer(option, std::move(values), absl::StrCat("--", name));
  }
  TakeConfigFile(layers, &errors);
  TakeEnvironment(layers.environment);
  Assign(&errors);
  RunConditions(&errors);
  return errors;
}

Texts OptionSet::Dump() const {
  Texts lines;
  for (const auto& option : options_) {
    const std::string value = option->show();
    lines.push_back(
        absl::StrCat(option->name, "=", option->secret && !value.empty() ? "***" : value,
                     option->origin.empty() ? "" : absl::StrCat(" (", option->origin, ")")));
  }
  return lines;
}

std::optional<int> OptionSet::LoadMain(int argc, char** argv) {
  const LoadResult result = Load(Texts(argv + 1, argv + argc), ProcessEnvironment());
  for (const std::string& error : result.errors) {
    std::fprintf(stderr, "%s: %s\n", program_.name.c_str(), error.c_str());
  }
  if (!result.errors.empty()) return 2;
  if (!result.print.has_value()) return std::nullopt;
  std::fputs(result.print->c_str(), stdout);
  return 0;
}

}  // namespace carillon::program
