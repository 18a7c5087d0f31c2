// The configuration of a program. Each option is declared once and can then be set, strongest
// first, by a flag (--tls-cert), in the TOML file named by --config (tls-cert, tls_cert, or cert in
// the table [tls]), by an environment variable (CARILLON_TLS_CERT), or is left at its default: what
// the target holds when it is declared.
//
//   BrokerOptions o;
//   OptionSet options({.name = "carillon-broker", .summary = "The event broker."});
//   options.Group("Network");
//   options.AddEndpoint("listen", &o.listen, "address of the gRPC server");
//   options.AddBytes("event-bytes-max", &o.event_bytes_max, "largest event", 1024, 64 << 20);
//   options.Check({"tls-cert", "tls-key"}, [&o] { return …; });
//   if (std::optional<int> code = options.LoadMain(argc, argv)) return *code;
#ifndef CARILLON_PROGRAM_OPTIONS_H_
#define CARILLON_PROGRAM_OPTIONS_H_

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "deploy/program/endpoint.h"

namespace CLI {
class App;
}

namespace carillon::program {

struct ProgramInfo {
  // As it is called: "carillon-broker". Begins each error line.
  std::string name;
  // One sentence for --help.
  std::string summary;
  // "OpenSSL 3.0.15", … for the second line of --version; may be empty.
  std::vector<std::string> libraries = {};
};

using Environment = std::map<std::string, std::string>;
Environment ProcessEnvironment();

// Where values come from, for a program that parses its command line itself.
struct Layers {
  // Name of the option (without "--") and value, in order.
  std::vector<std::pair<std::string, std::string>> flags;
  // TOML; empty: none.
  std::string config_file;
  // True: it is no error if the file does not exist.
  bool config_file_optional = false;
  Environment environment;
};

// What Load found.
struct LoadResult {
  // One line each, without the program's name; if any, the targets are not to be used.
  std::vector<std::string> errors;
  // For --help, --version and --check: what to print, after which the program ends with success.
  std::optional<std::string> print;
};

// Not thread-safe; targets must outlive it. An option is declared before anything is loaded; names
// are lower case words joined by '-'.
class OptionSet {
 public:
  class Option {
   public:
    // The value is never printed: not by --help, Dump or an error.
    Option& Secret();
    // An empty value is allowed, and means off or none.
    Option& AllowEmpty();
    // It is an error to leave the option empty.
    Option& Required();
    // What stands for the value in --help, instead of FILE, BYTES, …
    Option& Placeholder(std::string word);

   private:
    friend class OptionSet;
    // The set's own, as of a struct; private so that those who declare options do not see it.
    // NOLINTBEGIN(readability-identifier-naming)
    std::string name;
    std::string help;
    std::string group;
    std::string placeholder;
    // "1 to 100"; may be empty.
    std::string range;
    bool is_flag = false;
    bool is_list = false;
    bool secret = false;
    bool allow_empty = false;
    bool required = false;
    // Parses the texts (exactly one unless is_list) into the target.
    std::function<absl::Status(const std::vector<std::string>&)> assign;
    // The target's value as text.
    std::function<std::string()> show;
    // Texts of the strongest layer that has the option, and where that is.
    std::vector<std::string> values;
    std::string origin;
    bool invalid = false;
    // NOLINTEND(readability-identifier-naming)
  };

  explicit OptionSet(ProgramInfo program, std::string environment_prefix = "CARILLON_");
  ~OptionSet();
  OptionSet(const OptionSet&) = delete;
  OptionSet& operator=(const OptionSet&) = delete;

  // Heading in --help of the options declared from here on.
  void Group(std::string heading);

  // `help` is half a sentence in lower case; defaults, ranges, units and variables are added to it.
  Option& AddFlag(std::string name, bool* target, std::string help);
  Option& AddString(std::string name, std::string* target, std::string help);
  // On the command line given once per item, in TOML an array, in the environment parted by commas.
  Option& AddList(std::string name, std::vector<std::string>* target, std::string help);
  // A readable regular file; may be left empty.
  Option& AddFile(std::string name, std::string* target, std::string help);
  // HOST:PORT.
  Option& AddEndpoint(std::string name, Endpoint* target, std::string help);
  Option& AddDuration(std::string name, absl::Duration* target, std::string help,
                      absl::Duration min = absl::ZeroDuration(),
                      absl::Duration max = absl::Hours(24 * 36500));
  // One of `words`.
  Option& AddWord(std::string name, std::string* target, std::string help,
                  std::vector<std::string> words);

  template <typename T>
  requires std::is_enum_v<T> Option& AddEnum(std::string name, T* target, std::string help,
                                             std::vector<std::pair<std::string, T>> words);

  template <std::integral T>
  Option& AddInt(std::string name, T* target, std::string help, int64_t min, int64_t max) {
    return AddInteger(
        std::move(name), std::move(help), min, max, [target] { return int64_t(*target); },
        [target](int64_t value) { *target = static_cast<T>(value); });
  }

  // Bytes, as ParseByteSize reads them.
  template <std::integral T>
  Option& AddBytes(std::string name, T* target, std::string help, uint64_t min, uint64_t max) {
    return AddByteSize(
        std::move(name), std::move(help), min, max, [target] { return uint64_t(*target); },
        [target](uint64_t value) { *target = static_cast<T>(value); });
  }

  // A condition on several options, run after all are set, unless one of `names` already has an
  // error of its own or by an earlier condition. The message of the status is one line.
  void Check(std::vector<std::string> names, std::function<absl::Status()> condition);

  // Adds --config, --check, --help and --version, parses, and sets the targets. Reports all errors
  // there are, not only the first.
  LoadResult Load(const std::vector<std::string>& arguments, const Environment& environment);

  // For main(): Load, with errors on stderr and texts on stdout. The exit code (0 after --help and
  // the like, 2 after errors) if the program is to end; nothing if it is to run.
  std::optional<int> LoadMain(int argc, char** argv);

  // For a program with a CLI11 application of its own (subcommands): adds the options to it and,
  // once it has parsed, takes its values as the layer of flags.
  void AddTo(CLI::App* app);
  // Sets the targets; returns the errors. Flags that AddTo's application has seen come on top of
  // layers.flags.
  std::vector<std::string> ResolveLayers(const Layers& layers);

  // "name=value", one an option in order of declaration, with where a value that is not the default
  // comes from; secrets are "***".
  std::vector<std::string> Dump() const;

  // Before anything is loaded: the targets' values are the defaults.
  std::string Help() const;

 private:
  struct Condition {
    std::vector<std::string> names;
    std::function<absl::Status()> holds;
  };

  Option& Add(std::string name, std::string help, std::string placeholder);
  Option& AddInteger(std::string name, std::string help, int64_t min, int64_t max,
                     std::function<int64_t()> get, std::function<void(int64_t)> set);
  Option& AddByteSize(std::string name, std::string help, uint64_t min, uint64_t max,
                      std::function<uint64_t()> get, std::function<void(uint64_t)> set);
  Option& AddChoice(std::string name, std::string help, std::vector<std::string> words,
                    std::function<std::string()> get, std::function<void(size_t)> set);

  Option* Find(absl::string_view name);
  std::string VariableOf(const Option& option) const;
  // ": did you mean …?" if a name is like it, else "".
  std::string Suggestion(absl::string_view name, absl::string_view prefix) const;
  std::string HelpEntry(const Option& option) const;
  std::string VersionText() const;
  void DeclareOn(CLI::App* app) const;
  void TakeFlagsOf(const CLI::App& app, Layers* layers) const;
  void ReportUnknownArguments(const std::vector<std::string>& unknown,
                              std::vector<std::string>* errors) const;
  void TakeConfigFile(const Layers& layers, std::vector<std::string>* errors);
  void TakeEnvironment(const Environment& environment);
  void Assign(std::vector<std::string>* errors);
  void RunConditions(std::vector<std::string>* errors);
  // Sets the values of the option unless a stronger layer has.
  static void Offer(Option* option, std::vector<std::string> values, std::string origin);

  const ProgramInfo program_;
  const std::string environment_prefix_;
  std::string group_;
  // Pointers stay valid when more are added.
  std::vector<std::unique_ptr<Option>> options_;
  std::vector<Condition> conditions_;
  const CLI::App* app_ = nullptr;
};

template <typename T>
requires std::is_enum_v<T> OptionSet::Option& OptionSet::AddEnum(
    std::string name, T* target, std::string help, std::vector<std::pair<std::string, T>> words) {
  std::vector<std::string> texts;
  texts.reserve(words.size());
  for (const auto& [text, value] : words) texts.push_back(text);
  return AddChoice(
      std::move(name), std::move(help), std::move(texts),
      [target, words] {
        for (const auto& [text, value] : words) {
          if (value == *target) return text;
        }
        return std::string();
      },
      [target, words](size_t index) { *target = words[index].second; });
}

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_OPTIONS_H_
