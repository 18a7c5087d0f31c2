// carillon watch

#include <unistd.h>

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "carillon/client/filter_text.h"
#include "carillon/client/watcher.h"
#include "clients/cli/command.h"
#include "clients/cli/output.h"
#include "clients/cli/text.h"

namespace carillon::cli {
namespace {

struct WatchFlags {
  std::string filter;
  std::vector<std::string> where;
  std::string after;
  bool from_start = false;
  bool json = false;
  bool positions = false;
  bool quiet = false;
  int64_t count = 0;
};

absl::StatusOr<client::WatcherOptions> OptionsFromFlags(const WatchFlags& flags) {
  client::WatcherOptions options;
  absl::StatusOr<v1::Filter> filter = client::ParseFilterText(flags.filter);
  if (!filter.ok()) return filter.status();
  options.filter = *std::move(filter);
  for (const std::string& text : flags.where) {
    absl::StatusOr<v1::Condition> condition = ParseCondition(text);
    if (!condition.ok()) return condition.status();
    *options.filter.add_conditions() = *std::move(condition);
  }
  if (flags.from_start) options.start.set_earliest(true);
  if (!flags.after.empty()) options.start.set_after(flags.after);
  return options;
}

// Prints what a watch brings.
class WatchPrinter {
 public:
  explicit WatchPrinter(const WatchFlags& flags)
      : flags_(flags), width_(flags.json ? 0 : TerminalWidth(STDOUT_FILENO)) {}

  bool OnEvents(absl::Span<const wire::EventView> events) {
    lines_.clear();
    for (const wire::EventView& event : events) {
      if (flags_.json) {
        AppendEventJsonLine(event, flags_.positions, &lines_);
      } else {
        if (flags_.positions) absl::StrAppend(&lines_, event.position, "  ");
        AppendEventText(event, width_, &lines_);
      }
      if (++printed_ == flags_.count) break;
    }
    const bool written = WriteAll(STDOUT_FILENO, lines_);
    if (!written) code_ = StdoutFailed();
    return written && printed_ != flags_.count;
  }

  bool OnProgress(const v1::Progress& progress) {
    if (!connected_ && !flags_.quiet) {
      PrintMessage(absl::StrCat(ever_connected_ ? "connected again" : "watching ",
                                ever_connected_ ? "" : flags_.filter, " after ",
                                progress.position()));
    }
    connected_ = true;
    ever_connected_ = true;
    return true;
  }

  bool OnGap(const v1::Gap& gap) {
    PrintMessage(absl::StrCat("gap: ", WithThousands(gap.event_count()),
                              " events of the log are missing after ", gap.after(), " until ",
                              gap.until(), ", because they are no longer kept"));
    return true;
  }

  // Before the first connection an error is final.
  bool OnDisconnect(const absl::Status& error) {
    if (!ever_connected_) {
      first_error_ = error;
      return false;
    }
    if (connected_ && !flags_.quiet) {
      PrintMessage(absl::StrCat("connection lost, trying again: ", error.message()));
    }
    connected_ = false;
    return true;
  }

  const absl::Status& first_error() const { return first_error_; }
  // Of the printing.
  ExitCode code() const { return code_; }
  bool whole_count() const { return flags_.count == 0 || printed_ == flags_.count; }

 private:
  const WatchFlags& flags_;
  const int width_;
  std::string lines_;
  int64_t printed_ = 0;
  bool connected_ = false;
  bool ever_connected_ = false;
  absl::Status first_error_;
  ExitCode code_ = ExitCode::kOk;
};

ExitCode Watch(const WatchFlags& flags, Context& context) {
  absl::StatusOr<client::WatcherOptions> options = OptionsFromFlags(flags);
  if (!options.ok()) return UsageError(options.status());
  client::Watcher watcher(context.connection, *std::move(options));
  WatchPrinter printer(flags);
  client::Watcher::Handler handler;
  handler.on_events = [&](absl::Span<const wire::EventView> e) { return printer.OnEvents(e); };
  handler.on_progress = [&](const v1::Progress& p) { return printer.OnProgress(p); };
  handler.on_gap = [&](const v1::Gap& g) { return printer.OnGap(g); };
  handler.on_disconnect = [&](const absl::Status& e) { return printer.OnDisconnect(e); };
  context.interrupt->OnInterrupt([&watcher] { watcher.Cancel(); });
  absl::Status status = watcher.Run(handler);
  context.interrupt->OnInterrupt(nullptr);
  status.Update(printer.first_error());
  if (!status.ok()) return context.Fail(status);
  const bool cut_short = context.interrupt->happened() && !printer.whole_count();
  return cut_short ? ExitCode::kInterrupted : printer.code();
}

}  // namespace

void AddWatchCommand(CLI::App* app, Command* command) {
  CLI::App* watch = app->add_subcommand("watch", "Print events as they come");
  auto flags = std::make_shared<WatchFlags>();
  watch->add_option("FILTER", flags->filter, "type.action.key, such as machines.create,update.*")
      ->required();
  watch
      ->add_option("--where", flags->where,
                   "condition on the object, such as \"/Meta/color = blue\"; repeatable")
      ->type_name("\"POINTER OPERATOR VALUE\"")
      ->allow_extra_args(false);
  watch->add_option("--after", flags->after, "begin after this position")->type_name("POSITION");
  watch->add_flag("--from-start", flags->from_start, "begin with the oldest event that is kept")
      ->excludes("--after");
  watch->add_option("--count", flags->count, "end after so many events")
      ->check(CLI::Range(int64_t{1}, kCountMax))
      ->type_name("N");
  watch->add_flag("--json", flags->json, "one JSON object a line");
  watch->add_flag("--positions", flags->positions, "with the position of each event");
  watch->add_flag("--quiet", flags->quiet, "nothing on stderr about the connection");
  watch->footer(
      "In a filter each part is *, or a list of values parted by commas; a trailing * makes a "
      "prefix; \\1 stands\nfor a dot, \\2 for a comma, \\3 for *. Operators of --where: = != < <= "
      "> "
      ">= ^= (begins with) exists missing.\nA broken connection is resumed where it broke.");
  watch->callback([flags, command] {
    *command = [flags](Context& context) { return Watch(*flags, context); };
  });
}

}  // namespace carillon::cli
