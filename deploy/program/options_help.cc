// The texts of --help and --version.
#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "deploy/program/options.h"
#include "deploy/program/version.h"

namespace carillon::program {
namespace {

constexpr size_t kColumns = 100;
constexpr size_t kHelpColumn = 34;

// Words after `lead`, which is on the line already, in lines that begin at `indent`.
std::string Wrap(absl::string_view lead, size_t indent, absl::string_view text) {
  const std::string margin(indent, ' ');
  std::string out(lead);
  size_t column = lead.size();
  const auto new_line = [&] {
    absl::StrAppend(&out, "\n", margin);
    column = indent;
  };
  if (column < indent) {
    out.append(indent - column, ' ');
    column = indent;
  } else if (column > 0) {
    new_line();
  }
  bool first = true;
  for (absl::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!first && column + 1 + word.size() > kColumns) {
      new_line();
      first = true;
    }
    absl::StrAppend(&out, first ? "" : " ", word);
    column += word.size() + (first ? 0 : 1);
    first = false;
  }
  absl::StrAppend(&out, "\n");
  return out;
}

std::string Entry(absl::string_view flag, absl::string_view text) {
  return Wrap(absl::StrCat("  ", flag), kHelpColumn, text);
}

}  // namespace

std::string OptionSet::Help() const {
  std::string out = absl::StrCat(program_.name, ": ", program_.summary,
                                 "\n\nUsage: ", program_.name, " [options]\n\n");
  absl::StrAppend(
      &out,
      Wrap("", 0,
           "Each option is taken from the command line, else from the TOML file of --config (the "
           "same names; those with a common first word may share a table of that name), else from "
           "the environment variable in brackets, else it has its default. BYTES take a unit (KiB, "
           "MiB, GiB), durations need one (ms, s, m, h, d)."));
  std::vector<std::string> groups;
  for (const auto& option : options_) {
    if (std::find(groups.begin(), groups.end(), option->group) == groups.end()) {
      groups.push_back(option->group);
    }
  }
  for (const std::string& group : groups) {
    absl::StrAppend(&out, "\n", group.empty() ? "Options" : group, ":\n");
    for (const auto& option : options_) {
      if (option->group == group) absl::StrAppend(&out, HelpEntry(*option));
    }
  }
  absl::StrAppend(&out, "\nThis program:\n", Entry("--config FILE", "TOML file with options"),
                  Entry("--check", "check the configuration, print it and exit"),
                  Entry("-h, --help", "print this and exit"),
                  Entry("--version", "print versions and exit"));
  return out;
}

std::string OptionSet::HelpEntry(const Option& option) const {
  std::vector<std::string> notes;
  const std::string default_text = option.is_flag ? "" : option.show();
  if (option.required && default_text.empty()) notes.push_back("required");
  if (!option.range.empty()) notes.push_back(option.range);
  if (!option.secret && !default_text.empty()) {
    notes.push_back(absl::StrCat("default ", default_text));
  }
  if (option.is_list) notes.push_back("may be given several times");
  const std::string flag =
      absl::StrCat("--", option.name, option.placeholder.empty() ? "" : " ", option.placeholder);
  return Entry(
      flag, absl::StrCat(option.help,
                         notes.empty() ? "" : absl::StrCat(" (", absl::StrJoin(notes, ", "), ")"),
                         " [", VariableOf(option), "]"));
}

std::string OptionSet::VersionText() const {
  return absl::StrCat(program_.name, " ", std::string(Version()), "\n",
                      absl::StrJoin(program_.libraries, ", "),
                      program_.libraries.empty() ? "" : "\n");
}

}  // namespace carillon::program
