// carillon bench

#include "clients/cli/bench.h"

#include <CLI/CLI.hpp>
#include <memory>

namespace carillon::cli {
namespace {

void AddPublish(CLI::App* bench, Command* command) {
  CLI::App* publish = bench->add_subcommand("publish", "Publish events as fast as it goes");
  auto flags = std::make_shared<BenchPublishFlags>();
  publish->add_option("--streams", flags->streams, "streams side by side")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  publish->add_option("--batch", flags->batch, "events in a batch")
      ->check(CLI::Range(1, 10000))
      ->capture_default_str();
  publish->add_option("--size", flags->size, "bytes of an event as published")
      ->check(CLI::Range(1, 1 << 20))
      ->capture_default_str();
  publish->add_option("--count", flags->count, "events in all")
      ->check(CLI::Range(int64_t{1}, kCountMax))
      ->capture_default_str();
  publish->add_option("--rate", flags->rate, "events a second in all; 0: as fast as it goes")
      ->check(CLI::Range(int64_t{0}, kCountMax))
      ->capture_default_str();
  publish
      ->add_option("--retry", flags->retry,
                   "how long to try again when the connection breaks; nothing is stored twice")
      ->type_name("DURATION")
      ->capture_default_str();
  publish->add_flag("--json", flags->json, "the result as JSON");
  publish->callback(
      [=] { *command = [flags](Context& context) { return BenchPublish(*flags, context); }; });
}

void AddWatch(CLI::App* bench, Command* command) {
  CLI::App* watch =
      bench->add_subcommand("watch", "Receive what bench publish sends and check that it is whole");
  auto flags = std::make_shared<BenchWatchFlags>();
  watch->add_option("--filter", flags->filter, "what to receive")->capture_default_str();
  watch->add_option("--streams", flags->streams, "streams side by side, each receives all")
      ->check(CLI::Range(1, 1000))
      ->capture_default_str();
  watch->add_option("--count", flags->count, "end after so many events on each stream [Ctrl-C]")
      ->check(CLI::Range(int64_t{1}, kCountMax));
  watch->add_flag("--from-start", flags->from_start, "begin with the oldest event that is kept");
  watch->add_option("--after", flags->after, "begin after this position")
      ->type_name("POSITION")
      ->excludes("--from-start");
  watch->add_option("--idle", flags->idle, "end when nothing came for so long [never]")
      ->type_name("DURATION");
  watch->add_flag("--json", flags->json, "the result as JSON");
  watch->callback(
      [=] { *command = [flags](Context& context) { return BenchWatch(*flags, context); }; });
}

}  // namespace

void AddBenchCommand(CLI::App* app, Command* command) {
  CLI::App* bench = app->add_subcommand("bench", "Measure throughput and latency");
  bench->require_subcommand(1);
  AddPublish(bench, command);
  AddWatch(bench, command);
}

}  // namespace carillon::cli
