// carillon publish

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "carillon/v1/event_service.grpc.pb.h"
#include "clients/cli/command.h"
#include "clients/cli/event_feed.h"
#include "clients/cli/output.h"
#include "clients/cli/text.h"
#include "deploy/program/files.h"

namespace carillon::cli {
namespace {

constexpr size_t kObjectFileBytesMax = 64 << 20;

struct PublishFlags {
  std::string type;
  std::string action;
  std::string key;
  std::string object;
  std::string original;
  std::string time;
  std::string principal;
  std::string event_id;

  std::string file;
  int64_t batch = 256;
  std::string retry = "30s";
};

// The JSON itself, or what the file named by "@FILE" holds.
absl::StatusOr<std::string> JsonArgument(absl::string_view argument) {
  if (!absl::StartsWith(argument, "@")) return std::string(argument);
  return program::ReadFile(std::string(argument.substr(1)), kObjectFileBytesMax);
}

absl::StatusOr<v1::Event> EventFromFlags(const PublishFlags& flags) {
  if (flags.type.empty() || flags.action.empty()) {
    return absl::InvalidArgumentError(
        "an event needs --type and --action; or give --file for many events");
  }
  v1::Event event;
  event.set_type(flags.type);
  event.set_action(flags.action);
  event.set_key(flags.key);
  event.set_principal(flags.principal);
  event.set_event_id(flags.event_id);
  if (!flags.time.empty()) {
    const absl::StatusOr<absl::Time> time = ParseTimeText(flags.time);
    if (!time.ok()) return time.status();
    const int64_t seconds = absl::ToUnixSeconds(*time);
    event.mutable_time()->set_seconds(seconds);
    event.mutable_time()->set_nanos(
        static_cast<int32_t>(absl::ToInt64Nanoseconds(*time - absl::FromUnixSeconds(seconds))));
  }
  absl::StatusOr<std::string> object = JsonArgument(flags.object);
  if (!object.ok()) return object.status();
  event.set_object(*std::move(object));
  absl::StatusOr<std::string> original = JsonArgument(flags.original);
  if (!original.ok()) return original.status();
  event.set_original(*std::move(original));
  return event;
}

ExitCode PublishOne(const PublishFlags& flags, Context& context) {
  absl::StatusOr<v1::Event> event = EventFromFlags(flags);
  if (!event.ok()) return UsageError(event.status());
  v1::PublishRequest request;
  *request.add_events() = *std::move(event);
  v1::PublishResponse response;
  const auto stub = v1::EventService::NewStub(context.connection->channel());
  const absl::Status status =
      Call(context, stub.get(), &v1::EventService::Stub::Publish, request, &response);
  if (!status.ok()) return context.Fail(status);
  if (response.results_size() != 1) {
    return context.Fail(absl::InternalError("the broker did not answer for the event"));
  }
  const v1::PublishResult& result = response.results(0);
  if (result.has_error()) return context.Fail(wire::FromRpcStatus(result.error()));
  return PrintResult(absl::StrCat(result.position(), "\n"));
}

// Whether the broker can be reached and knows the caller, before anything is read.
absl::Status Probe(const Context& context) {
  v1::GetStatusResponse response;
  const auto stub = v1::EventService::NewStub(context.connection->channel());
  return Call(context, stub.get(), &v1::EventService::Stub::GetStatus, v1::GetStatusRequest(),
              &response);
}

int64_t FileSize(int fd) {
  struct stat info = {};
  return fstat(fd, &info) == 0 && S_ISREG(info.st_mode) ? info.st_size : 0;
}

ExitCode PublishFile(const PublishFlags& flags, Context& context) {
  const absl::StatusOr<absl::Duration> retry = ParseDurationText(flags.retry);
  if (!retry.ok()) return UsageError(retry.status());
  const bool from_stdin = flags.file == "-";
  const int fd = from_stdin ? STDIN_FILENO : open(flags.file.c_str(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) {
    return UsageError(absl::ErrnoToStatus(errno, absl::StrCat("cannot open ", flags.file)));
  }
  const absl::Cleanup closer = [fd] { close(fd); };
  const absl::Status probe = Probe(context);
  if (!probe.ok()) return context.Fail(probe);

  EventFeedOptions options;
  options.name = from_stdin ? "stdin" : flags.file;
  options.batch_max = flags.batch;
  options.bytes_total = FileSize(fd);
  options.publisher.retry_for = *retry;
  options.publisher.stop_at_failure = true;
  LineReader lines(fd, context.interrupt->fd());
  const EventFeedResult result = EventFeed(context.connection, options).Run(&lines);

  std::string summary = absl::StrCat(WithThousands(result.acknowledged), " events acknowledged");
  if (result.duplicates > 0) {
    absl::StrAppend(&summary, " (", WithThousands(result.duplicates), " were there already)");
  }
  if (result.refused > 0) {
    absl::StrAppend(&summary, ", ", WithThousands(result.refused), " refused");
  }
  PrintMessage(summary);
  if (!result.error.ok()) return context.Fail(result.error);
  if (context.interrupt->happened()) return ExitCode::kInterrupted;
  return result.refused > 0 ? ExitCode::kFailed : ExitCode::kOk;
}

}  // namespace

void AddPublishCommand(CLI::App* app, Command* command) {
  CLI::App* publish = app->add_subcommand("publish", "Publish events");
  auto flags = std::make_shared<PublishFlags>();
  const std::string one = "One event (its position is printed)";
  publish->add_option("--type", flags->type, "kind of object, such as machines")->group(one);
  publish->add_option("--action", flags->action, "what was done, such as create")->group(one);
  publish->add_option("--key", flags->key, "which object")->group(one);
  publish->add_option("--object", flags->object, "the object")->type_name("JSON|@FILE")->group(one);
  publish->add_option("--original", flags->original, "the object before the action")
      ->type_name("JSON|@FILE")
      ->group(one);
  publish->add_option("--time", flags->time, "when it happened [now]")
      ->type_name("RFC3339")
      ->group(one);
  publish->add_option("--principal", flags->principal, "who caused it [the caller]")->group(one);
  publish->add_option("--event-id", flags->event_id, "makes publishing it again harmless")
      ->group(one);

  const std::string many = "Many events";
  CLI::Option* file =
      publish->add_option("--file", flags->file, "events, one a line, in JSON; - for stdin")
          ->type_name("FILE")
          ->group(many);
  publish->add_option("--batch", flags->batch, "events in a batch, at most")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str()
      ->group(many);
  publish
      ->add_option("--retry", flags->retry,
                   "how long to try again when the connection breaks; nothing is stored twice")
      ->type_name("DURATION")
      ->capture_default_str()
      ->group(many);
  for (const char* name :
       {"--type", "--action", "--key", "--object", "--original", "--time", "--principal"}) {
    file->excludes(name);
  }
  file->excludes("--event-id");
  publish->footer(
      "An event in a file: {\"Type\":\"machines\",\"Action\":\"create\",\"Key\":\"m1\",\"Object\":"
      "{…}}\nwith Time, Principal, Original and EventId if wanted, and no other member. A line "
      "that cannot be published\nis reported with its number; the others go in, and the exit code "
      "is 1.");
  publish->callback([flags, command] {
    *command = [flags](Context& context) {
      return flags->file.empty() ? PublishOne(*flags, context) : PublishFile(*flags, context);
    };
  });
}

}  // namespace carillon::cli
