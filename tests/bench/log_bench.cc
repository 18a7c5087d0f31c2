// What a durable append and a replay of the LMDB log cost. Appends are on disk when they return, so
// the figures are those of the disk under the directory given in $TMPDIR.
#include <benchmark/benchmark.h>
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/store/lmdb_store.h"
#include "carillon/wire/event_view.h"

namespace carillon::store {
namespace {

constexpr size_t kEventBytes = 500;

// A directory of its own, removed at the end.
class BenchDirectory {
 public:
  BenchDirectory() {
    std::string name = (std::filesystem::temp_directory_path() / "log_bench.XXXXXX").string();
    if (mkdtemp(name.data()) == nullptr) std::abort();
    path_ = name;
  }
  ~BenchDirectory() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

std::unique_ptr<LmdbStore> OpenStore(const std::string& directory) {
  auto store = LmdbStore::Open({.directory = directory});
  if (!store.ok()) std::abort();
  return *std::move(store);
}

// Events of kEventBytes, each with an event id that grows with time if `with_ids`.
class Batch {
 public:
  Batch(size_t count, bool with_ids) : with_ids_(with_ids), records_(count), ids_(count) {
    Renew();
  }

  const std::vector<log::NewEvent>& Renew() {
    events_.clear();
    for (size_t i = 0; i < records_.size(); ++i) {
      ids_[i] = with_ids_ ? absl::StrCat("producer-7-", 1'000'000'000 + next_id_++) : "";
      const std::string object(kEventBytes - 80 - ids_[i].size(), 'x');
      wire::EventView event;
      event.type = "machines";
      event.action = "save";
      event.key = "4f9ad9e2-2b1c-4b7e-8a8e-0a1b2c3d4e5f";
      event.principal = "rocketskates";
      event.object = object;
      event.event_id = ids_[i];
      records_[i].clear();
      wire::AppendEventRecord(event, &records_[i]);
      events_.push_back({records_[i], "rocketskates", ids_[i]});
    }
    return events_;
  }

 private:
  const bool with_ids_;
  uint64_t next_id_ = 0;
  std::vector<std::string> records_;
  std::vector<std::string> ids_;
  std::vector<log::NewEvent> events_;
};

void ReportPercentiles(std::vector<double> seconds, benchmark::State& state) {
  std::sort(seconds.begin(), seconds.end());
  state.counters["p50_us"] = seconds[seconds.size() / 2] * 1e6;
  state.counters["p99_us"] = seconds[seconds.size() * 99 / 100] * 1e6;
}

// range(0): events a commit; range(1): with event ids or not.
void Append(benchmark::State& state) {
  BenchDirectory directory;
  auto store = OpenStore(directory.path());
  const size_t count = static_cast<size_t>(state.range(0));
  Batch batch(count, state.range(1) != 0);
  std::vector<log::AppendOutcome> outcomes(count);
  std::vector<double> seconds;
  for (auto _ : state) {
    state.PauseTiming();
    const auto& events = batch.Renew();
    std::vector<log::EventBlockPtr> committed;
    state.ResumeTiming();
    const absl::Time start = absl::Now();
    const absl::Status status =
        store->event_log()->Append(events, start, absl::MakeSpan(outcomes), &committed);
    seconds.push_back(absl::ToDoubleSeconds(absl::Now() - start));
    if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  ReportPercentiles(std::move(seconds), state);
}
BENCHMARK(Append)
    ->ArgsProduct({{1, 16, 64, 256, 4096}, {0, 1}})
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// The same while the log is at its limit, so that each append has something trimmed.
void AppendAndTrim(benchmark::State& state) {
  BenchDirectory directory;
  auto store = OpenStore(directory.path());
  const size_t count = static_cast<size_t>(state.range(0));
  Batch batch(count, state.range(1) != 0);
  std::vector<log::AppendOutcome> outcomes(count);
  const log::Retention retention{absl::InfiniteDuration(), uint64_t{256} << 20};
  for (auto _ : state) {
    state.PauseTiming();
    const auto& events = batch.Renew();
    std::vector<log::EventBlockPtr> committed;
    state.ResumeTiming();
    absl::Status status =
        store->event_log()->Append(events, absl::Now(), absl::MakeSpan(outcomes), &committed);
    if (status.ok()) status = store->event_log()->TrimStep(retention, absl::Now()).status();
    if (!status.ok()) state.SkipWithError(std::string(status.message()).c_str());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
  state.counters["file_MB"] =
      static_cast<double>(std::filesystem::file_size(directory.path() + "/store.mdb")) / 1e6;
}
BENCHMARK(AppendAndTrim)
    ->ArgsProduct({{256, 4096}, {0, 1}})
    ->MinTime(4)
    ->UseRealTime()
    ->Unit(benchmark::kMicrosecond);

// range(0): events a commit when the log was written; range(1): bytes a read.
void Replay(benchmark::State& state) {
  constexpr size_t kEvents = 200'000;
  BenchDirectory directory;
  auto store = OpenStore(directory.path());
  const size_t count = static_cast<size_t>(state.range(0));
  Batch batch(count, false);
  std::vector<log::AppendOutcome> outcomes(count);
  const size_t commits = std::min<size_t>(kEvents / count, 5'000);
  for (size_t i = 0; i < commits; ++i) {
    std::vector<log::EventBlockPtr> committed;
    if (!store->event_log()
             ->Append(batch.Renew(), absl::Now(), absl::MakeSpan(outcomes), &committed)
             .ok()) {
      std::abort();
    }
  }
  uint64_t after = 0;
  int64_t events = 0;
  for (auto _ : state) {
    auto block = store->event_log()->Read(after, static_cast<size_t>(state.range(1)));
    if (!block.ok()) std::abort();
    after = *block == nullptr ? 0 : (*block)->last_sequence();
    events += *block == nullptr ? 0 : static_cast<int64_t>((*block)->size());
  }
  state.SetItemsProcessed(events);
}
BENCHMARK(Replay)->ArgsProduct({{1, 256}, {64 << 10, 256 << 10}})->UseRealTime();

// What the disk takes for one flush of one page: the floor of a durable append.
void OneFlush(benchmark::State& state) {
  BenchDirectory directory;
  const int fd = open((directory.path() + "/page").c_str(), O_RDWR | O_CREAT, 0600);
  std::string page(4096, 'x');
  std::vector<double> seconds;
  for (auto _ : state) {
    page[0] = static_cast<char>(seconds.size());
    const absl::Time start = absl::Now();
    if (pwrite(fd, page.data(), page.size(), 0) < 0 || fdatasync(fd) != 0) std::abort();
    seconds.push_back(absl::ToDoubleSeconds(absl::Now() - start));
  }
  close(fd);
  ReportPercentiles(std::move(seconds), state);
}
BENCHMARK(OneFlush)->UseRealTime()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace carillon::store

BENCHMARK_MAIN();
