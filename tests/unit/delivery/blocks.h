// Event blocks for tests.
#ifndef CARILLON_TESTS_UNIT_DELIVERY_BLOCKS_H_
#define CARILLON_TESTS_UNIT_DELIVERY_BLOCKS_H_

#include <memory>
#include <string>
#include <vector>

#include "broker/delivery/outbox.h"
#include "broker/log/event_log.h"
#include "broker/log/position.h"
#include "carillon/wire/event_view.h"

namespace carillon::delivery {

inline std::string Record(const std::string& type, const std::string& key,
                          const std::string& object = "{}") {
  wire::EventView event;
  event.type = type;
  event.action = "save";
  event.key = key;
  event.object = object;
  std::string record;
  wire::AppendEventRecord(event, &record);
  return record;
}

// Consecutive events with these keys.
inline log::EventBlockPtr Block(uint64_t first_sequence, const std::vector<std::string>& keys,
                                const std::string& object = "{}") {
  std::string records;
  std::vector<uint32_t> ends;
  for (size_t i = 0; i < keys.size(); ++i) {
    std::string record = Record("machines", keys[i], object);
    wire::SetRecordPosition(record.data(), log::PositionString({1, first_sequence + i}));
    records += record;
    ends.push_back(static_cast<uint32_t>(records.size()));
  }
  return std::make_shared<log::EventBlock>(first_sequence, std::move(records), std::move(ends));
}

// All events of a block, for a Watch.
inline Deliveries All(const log::EventBlockPtr& block) {
  Deliveries deliveries;
  deliveries.block = block;
  for (uint32_t i = 0; i < block->size(); ++i) deliveries.AddEvent(i);
  return deliveries;
}

}  // namespace carillon::delivery

#endif  // CARILLON_TESTS_UNIT_DELIVERY_BLOCKS_H_
