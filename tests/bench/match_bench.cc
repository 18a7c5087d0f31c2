// What finding an event's filters costs, and what they take in memory, with up to a million of
// them.
#include <benchmark/benchmark.h>

#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/match/match_index.h"
#include "broker/match/object_conditions.h"

namespace {

// Of this program, which has one thread.
int64_t allocations = 0;

}  // namespace

// Not inlined, so that the compiler sees a new and its delete as a pair.
__attribute__((noinline)) void* operator new(size_t size) {
  ++allocations;
  void* const bytes = std::malloc(size);
  if (bytes == nullptr) throw std::bad_alloc();
  return bytes;
}
__attribute__((noinline)) void operator delete(void* bytes) noexcept { std::free(bytes); }
__attribute__((noinline)) void operator delete(void* bytes, size_t /*size*/) noexcept {
  std::free(bytes);
}

namespace carillon::match {
namespace {

constexpr const char* kTypes[] = {"machines", "profiles", "params", "stages", "jobs"};
constexpr const char* kActions[] = {"create", "save", "update", "destroy"};

std::string Key(uint32_t i) {
  return absl::StrCat("6a1ed2c4-9d5f-4d8e-8e4c-", 100'000'000'000 + i);
}

// Mostly one object each, as pages that show one do, and some of the wider kinds.
v1::Filter FilterNumber(uint32_t i) {
  v1::Filter filter;
  filter.mutable_type()->add_values(kTypes[i % std::size(kTypes)]);
  switch (i % 10) {
    case 0:
      filter.mutable_key()->add_prefixes(absl::StrCat("group-", i, "-"));
      break;
    case 1:
      filter.mutable_action()->add_values("save");
      filter.mutable_action()->add_values("update");
      filter.mutable_key()->add_values(Key(i));
      break;
    default:
      filter.mutable_key()->add_values(Key(i));
  }
  return filter;
}

class FilledIndex {
 public:
  explicit FilledIndex(uint32_t filters) {
    for (uint32_t i = 0; i < filters; ++i) {
      auto filter = CompiledFilter::Compile(FilterNumber(i));
      if (!filter.ok()) std::abort();
      index_.Add(i, *std::move(filter));
    }
  }
  MatchIndex& index() { return index_; }

 private:
  MatchIndex index_;
};

// One index is kept: a million filters take seconds to compile.
MatchIndex& IndexOf(uint32_t filters) {
  static uint32_t held = 0;
  static std::unique_ptr<FilledIndex> filled;
  if (held != filters) {
    filled.reset();
    filled = std::make_unique<FilledIndex>(filters);
    held = filters;
  }
  return filled->index();
}

void ReportMemory(const MatchIndex& index, benchmark::State& state) {
  state.counters["index_bytes_per_filter"] =
      static_cast<double>(index.memory_bytes()) / static_cast<double>(index.size());
}

// Events about objects that about one filter each is for.
void BM_MatchOne(benchmark::State& state) {
  const uint32_t filters = static_cast<uint32_t>(state.range(0));
  MatchIndex& index = IndexOf(filters);
  std::mt19937 random(1);
  std::vector<std::pair<uint32_t, std::string>> events;
  for (int i = 0; i < 100'000; ++i) {
    const uint32_t n = random() % filters;
    events.emplace_back(n, Key(n));
  }
  std::vector<FilterSlot> slots;
  size_t next = 0;
  int64_t matches = 0;
  slots.reserve(1'000);
  const int64_t allocations_before = allocations;
  for (const auto& [n, key] : events)
    index.Match(kTypes[n % std::size(kTypes)], "save", key, &slots);
  const int64_t allocations_of_matches = allocations - allocations_before;
  for (auto _ : state) {
    const auto& [n, key] = events[next];
    next = next + 1 == events.size() ? 0 : next + 1;
    index.Match(kTypes[n % std::size(kTypes)], "save", key, &slots);
    matches += static_cast<int64_t>(slots.size());
  }
  state.SetItemsProcessed(state.iterations());
  state.counters["allocations_per_event"] =
      static_cast<double>(allocations_of_matches) / static_cast<double>(events.size());
  state.counters["matches_per_event"] =
      static_cast<double>(matches) / static_cast<double>(state.iterations());
  ReportMemory(index, state);
}
BENCHMARK(BM_MatchOne)->ArgName("filters")->Arg(1'000)->Arg(100'000)->Arg(1'000'000);

// Events that nobody wants.
void BM_MatchNone(benchmark::State& state) {
  MatchIndex& index = IndexOf(static_cast<uint32_t>(state.range(0)));
  std::vector<FilterSlot> slots;
  for (auto _ : state) {
    index.Match("machines", "save", "7f000000-0000-0000-0000-000000000000", &slots);
    benchmark::DoNotOptimize(slots.data());
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchNone)->ArgName("filters")->Arg(1'000)->Arg(1'000'000);

// Events that all filters want, as with one dashboard open in many browsers.
void BM_MatchAll(benchmark::State& state) {
  v1::Filter filter;
  for (const char* action : kActions) filter.mutable_action()->add_values(action);
  const auto compiled = CompiledFilter::Compile(filter).value();
  MatchIndex index;
  for (FilterSlot slot = 0; slot < static_cast<FilterSlot>(state.range(0)); ++slot) {
    index.Add(slot, compiled);
  }
  std::vector<FilterSlot> slots;
  for (auto _ : state) {
    index.Match("machines", "save", "a", &slots);
    benchmark::DoNotOptimize(slots.data());
  }
  state.SetItemsProcessed(state.iterations() * state.range(0));
}
BENCHMARK(BM_MatchAll)->ArgName("filters")->Arg(1'000)->Arg(100'000);

// A filter comes and goes among a million others.
void BM_AddRemove(benchmark::State& state) {
  const uint32_t filters = static_cast<uint32_t>(state.range(0));
  MatchIndex& index = IndexOf(filters);
  const auto compiled = CompiledFilter::Compile(FilterNumber(filters + 2)).value();
  for (auto _ : state) {
    index.Add(filters, compiled);
    index.Remove(filters);
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_AddRemove)->ArgName("filters")->Arg(1'000'000);

// Browsers come and go all the time: with each event one filter leaves and another one comes.
void BM_MatchWithChurn(benchmark::State& state) {
  const uint32_t filters = static_cast<uint32_t>(state.range(0));
  MatchIndex& index = IndexOf(filters);
  constexpr uint32_t kNewcomers = 1024;
  std::vector<std::shared_ptr<const CompiledFilter>> compiled;
  for (uint32_t i = 0; i < kNewcomers; ++i) {
    compiled.push_back(CompiledFilter::Compile(FilterNumber(filters + i)).value());
  }
  std::mt19937 random(1);
  std::vector<FilterSlot> slots;
  std::string key = Key(0);
  uint32_t newcomer = 0;
  for (uint32_t i = 0; i < kNewcomers; ++i) index.Add(filters + i, compiled[i]);
  for (auto _ : state) {
    index.Remove(filters + newcomer);
    index.Add(filters + newcomer, compiled[newcomer]);
    newcomer = (newcomer + 1) % kNewcomers;
    const uint32_t n = random() % filters;
    key.resize(key.rfind('-') + 1);
    absl::StrAppend(&key, 100'000'000'000 + n);
    index.Match(kTypes[n % std::size(kTypes)], "save", key, &slots);
    benchmark::DoNotOptimize(slots.data());
  }
  for (uint32_t i = 0; i < kNewcomers; ++i) index.Remove(filters + i);
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_MatchWithChurn)->ArgName("filters")->Arg(1'000'000);

// Two conditions on an object of 350 bytes, the parsing of it included.
void BM_Conditions(benchmark::State& state) {
  v1::Filter filter;
  v1::Condition& color = *filter.add_conditions();
  color.set_pointer("/Meta/color");
  color.set_operator_(v1::Condition::OPERATOR_EQUAL);
  color.set_string_value("blue");
  v1::Condition& count = *filter.add_conditions();
  count.set_pointer("/Params/count");
  count.set_operator_(v1::Condition::OPERATOR_GREATER);
  count.set_int64_value(10);
  const auto compiled = CompiledFilter::Compile(filter).value();
  std::string json =
      R"({"Validated":true,"Available":true,"Errors":[],"Meta":{"icon":"world","color":"blue"},)"
      R"("Name":"global","Params":{"text":")";
  json += std::string(200, 'x') + R"(","count":12}})";
  LazyObject object;
  for (auto _ : state) {
    object.Reset(json);
    if (!compiled->conditions()->Hold(object)) state.SkipWithError("does not hold");
  }
  state.SetItemsProcessed(state.iterations());
}
BENCHMARK(BM_Conditions);

}  // namespace
}  // namespace carillon::match
