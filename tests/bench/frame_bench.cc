// What the facade spends on an event before the system call: its frame, once, and a place in the
// outbox of each websocket.
#include <benchmark/benchmark.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "carillon/client/event_json.h"
#include "wsfacade/hub/event_frames.h"
#include "wsfacade/net/outbox.h"

namespace carillon::facade {
namespace {

constexpr size_t kEventsPerBatch = 64;

// Events whose JSON has about `bytes`.
class Batch {
 public:
  explicit Batch(size_t bytes) : object_("{\"Name\":\"") {
    object_.append(bytes - 170, 'x');
    object_ += "\"}";
    for (size_t i = 0; i < kEventsPerBatch; ++i) {
      keys_.push_back(absl::StrCat("6a1ed2c4-9d5f-4d8e-8e4c-", 100'000'000'000 + i));
    }
    for (const std::string& key : keys_) {
      client::ReceivedEvent received;
      received.event.type = "machines";
      received.event.action = "save";
      received.event.key = key;
      received.event.principal = "rocketskates";
      received.event.object = object_;
      received.subscription_ids = ids_;
      events_.push_back(received);
    }
  }

  absl::Span<const client::ReceivedEvent> events() const { return events_; }

 private:
  const std::vector<int64_t> ids_ = {1};
  std::string object_;
  std::vector<std::string> keys_;
  std::vector<client::ReceivedEvent> events_;
};

void BM_EventJson(benchmark::State& state) {
  const Batch batch(static_cast<size_t>(state.range(0)));
  std::string out;
  for (auto _ : state) {
    out.clear();
    client::AppendEventJson(batch.events().front().event, &out);
    benchmark::DoNotOptimize(out.data());
  }
  state.SetItemsProcessed(state.iterations());
  state.SetBytesProcessed(state.iterations() * static_cast<int64_t>(out.size()));
}
BENCHMARK(BM_EventJson)->ArgName("bytes")->Arg(500)->Arg(10'000);

void BM_EventFrames(benchmark::State& state) {
  const Batch batch(static_cast<size_t>(state.range(0)));
  for (auto _ : state) benchmark::DoNotOptimize(BuildEventFrames(batch.events()));
  state.SetItemsProcessed(state.iterations() * static_cast<int64_t>(kEventsPerBatch));
}
BENCHMARK(BM_EventFrames)->ArgName("bytes")->Arg(500)->Arg(10'000);

// A batch goes to all websockets, and is gathered for writing in pieces of a TLS record. Those that
// want every frame have one range; every other frame makes many.
void BM_Outboxes(benchmark::State& state) {
  constexpr size_t kOutboxes = 100;
  const Batch batch(500);
  const auto frames = BuildEventFrames(batch.events());
  const size_t step = static_cast<size_t>(state.range(0));
  std::vector<std::unique_ptr<Outbox>> outboxes;
  for (size_t i = 0; i < kOutboxes; ++i) outboxes.push_back(std::make_unique<Outbox>());
  std::vector<char> record(16 << 10);
  for (auto _ : state) {
    for (size_t i = 0; i < frames->events.size(); i += step) {
      const EventFrames::Event& event = frames->events[i];
      for (const auto& outbox : outboxes) outbox->Append(frames->bytes, event.begin, event.end);
    }
    for (const auto& outbox : outboxes) {
      while (!outbox->empty()) outbox->Consume(outbox->Peek(absl::MakeSpan(record)).size());
    }
  }
  state.SetItemsProcessed(state.iterations() *
                          static_cast<int64_t>(kOutboxes * frames->events.size() / step));
}
BENCHMARK(BM_Outboxes)->ArgName("every")->Arg(1)->Arg(2);

}  // namespace
}  // namespace carillon::facade

BENCHMARK_MAIN();
