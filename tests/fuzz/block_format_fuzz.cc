// Blocks of the log: damage is noticed or harmless, and what was built is read back.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>
#include <vector>

#include "broker/store/block_format.h"
#include "carillon/wire/event_view.h"
#include "tests/fuzz/fuzz.h"

namespace carillon::store {
namespace {

using fuzz::Require;

// As readers and trimming do.
void WalkDamaged(absl::string_view value) {
  const auto block = BlockView::Parse(7, value);
  if (!block.ok()) return;
  Require(block->count() > 0, "a block has events");
  Require(block->next_sequence() == 7 + block->count(), "they follow each other");
  Require(block->record_begin(block->count()) == block->records().size(), "records fill it");
  static_cast<void>(block->EventIdKeys());
}

void BuildAndParse(FuzzedDataProvider& choices) {
  BlockBuilder builder(log::Position{choices.ConsumeIntegral<uint32_t>(), 9});
  std::vector<std::string> keys, id_keys;
  while (choices.remaining_bytes() > 0) {
    keys.push_back(choices.ConsumeRandomLengthString(64));
    wire::EventView event;
    event.key = keys.back();
    std::string record;
    wire::AppendEventRecord(event, &record);
    std::string id_key;
    if (choices.ConsumeBool()) {
      id_key =
          EventIdKey(choices.ConsumeRandomLengthString(16), choices.ConsumeRandomLengthString(16));
      id_keys.push_back(id_key);
    }
    builder.Add(record, id_key);
  }
  if (builder.empty()) return;
  std::string value(builder.value_bytes(), '\xff');
  builder.WriteTo(value.data(), absl::FromUnixMicros(5), 1'000);
  const auto block = BlockView::Parse(9, value);
  Require(block.ok(), "a block that was built can be parsed");
  Require(block->count() == keys.size() && block->begin_offset() == 1'000, "with all its events");
  Require(block->EventIdKeys().value() == id_keys, "and their ids");
  for (uint32_t i = 0; i < block->count(); ++i) {
    const uint32_t begin = block->record_begin(i);
    const absl::string_view record =
        block->records().substr(begin, block->record_begin(i + 1) - begin);
    wire::EventView event;
    Require(wire::ParseEvent(wire::EventOfRecord(record), &event), "each is an event");
    Require(event.key == keys[i], "the one that was put in");
    Require(
        event.position == log::PositionString({log::DecodePosition(event.position)->epoch, 9 + i}),
        "at its place");
  }
}

}  // namespace
}  // namespace carillon::store

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  carillon::store::WalkDamaged(carillon::fuzz::TextOf(data, size));
  FuzzedDataProvider choices(data, size);
  carillon::store::BuildAndParse(choices);
  return 0;
}
