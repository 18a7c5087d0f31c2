#include "broker/store/pending_blocks.h"

#include <algorithm>

namespace carillon::store {

absl::StatusOr<PendingBlockPtr> PendingBlock::Make(Journal::Frame frame) {
  auto block = std::make_shared<PendingBlock>();
  block->value = std::move(frame.block);
  const absl::StatusOr<BlockView> view = BlockView::Parse(frame.first_sequence, block->value);
  if (!view.ok()) return view.status();
  block->view = *view;
  absl::StatusOr<std::vector<std::string>> id_keys = view->EventIdKeys();
  if (!id_keys.ok()) return id_keys.status();
  const bool leads_to_events = id_keys->size() == frame.id_events.size() &&
                               std::all_of(frame.id_events.begin(), frame.id_events.end(),
                                           [&](uint32_t index) { return index < view->count(); });
  if (!leads_to_events) {
    return absl::DataLossError(
        "the journal is damaged, its event ids do not lead to events: restore the folder from a "
        "backup");
  }
  for (size_t i = 0; i < id_keys->size(); ++i) {
    block->ids.emplace_back(std::move((*id_keys)[i]), frame.first_sequence + frame.id_events[i]);
  }
  return block;
}

void PendingBlocks::Add(PendingBlockPtr block) {
  for (const auto& [id_key, sequence] : block->ids) ids_[id_key] = sequence;
  bytes_ += block->value.size();
  blocks_.push_back(std::move(block));
}

uint64_t PendingBlocks::Find(absl::string_view id_key) const {
  const auto id = ids_.find(id_key);
  return id == ids_.end() ? 0 : id->second;
}

std::vector<PendingBlockPtr> PendingBlocks::From(uint64_t sequence, size_t bytes) const {
  const auto first = std::partition_point(
      blocks_.begin(), blocks_.end(),
      [sequence](const PendingBlockPtr& block) { return block->view.next_sequence() <= sequence; });
  auto last = first;
  // Of the first a part may do.
  for (size_t rest = 0; last != blocks_.end() && rest <= bytes; ++last) {
    if (last != first) rest += (*last)->view.records().size();
  }
  return {first, last};
}

void PendingBlocks::RemoveBefore(uint64_t sequence) {
  while (!blocks_.empty() && blocks_.front()->view.next_sequence() <= sequence) {
    const PendingBlock& block = *blocks_.front();
    for (const auto& [id_key, number] : block.ids) ids_.erase(id_key);
    bytes_ -= block.value.size();
    blocks_.pop_front();
  }
}

}  // namespace carillon::store
