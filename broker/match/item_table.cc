#include "broker/match/item_table.h"

#include <algorithm>

#include "broker/match/hash_memory.h"

namespace carillon::match {
namespace {

size_t HeapBytes(const std::string& text) {
  const bool inside = text.capacity() <= std::string().capacity();
  return inside ? 0 : text.capacity() + 1;
}

}  // namespace

ItemId ItemTable::Acquire(absl::string_view text) {
  const auto [it, inserted] = items_.try_emplace(text, Item{0, 0});
  Item& item = it->second;
  ++item.users;
  if (!inserted) return item.id;
  text_bytes_ += HeapBytes(it->first);
  if (free_ids_.empty()) {
    item.id = static_cast<ItemId>(id_bound_++);
  } else {
    item.id = free_ids_.back();
    free_ids_.pop_back();
  }
  return item.id;
}

bool ItemTable::Release(absl::string_view text) {
  const auto it = items_.find(text);
  if (--it->second.users > 0) return false;
  free_ids_.push_back(it->second.id);
  text_bytes_ -= HeapBytes(it->first);
  items_.erase(it);
  ShrinkIfSparse(&items_);
  if (items_.empty()) {
    free_ids_ = std::vector<ItemId>();
    id_bound_ = 0;
  }
  return true;
}

ItemId ItemTable::Find(absl::string_view text) const {
  const auto it = items_.find(text);
  return it == items_.end() ? kNoItem : it->second.id;
}

size_t ItemTable::memory_bytes() const {
  return HashMemoryBytes(items_) + free_ids_.capacity() * sizeof(ItemId) + text_bytes_;
}

std::vector<PrefixTable::Length>::iterator PrefixTable::FindLength(size_t bytes) {
  return std::lower_bound(lengths_.begin(), lengths_.end(), bytes,
                          [](const Length& length, size_t n) { return length.bytes < n; });
}

ItemId PrefixTable::Acquire(absl::string_view prefix) {
  const bool is_new = items_.Find(prefix) == kNoItem;
  const ItemId id = items_.Acquire(prefix);
  if (!is_new) return id;
  auto length = FindLength(prefix.size());
  if (length == lengths_.end() || length->bytes != prefix.size()) {
    length = lengths_.insert(length, Length{prefix.size(), 0});
  }
  ++length->prefixes;
  found_.reserve(lengths_.capacity());
  found_in_.resize(items_.id_bound(), 0);
  return id;
}

void PrefixTable::Release(absl::string_view prefix) {
  if (!items_.Release(prefix)) return;
  const auto length = FindLength(prefix.size());
  if (--length->prefixes == 0) lengths_.erase(length);
  if (!items_.empty()) return;
  lengths_ = std::vector<Length>();
  found_ = std::vector<ItemId>();
  found_in_ = std::vector<uint64_t>();
}

const std::vector<ItemId>& PrefixTable::FindAll(absl::string_view text) {
  ++round_;
  found_.clear();
  for (const Length& length : lengths_) {
    if (length.bytes > text.size()) break;
    const ItemId id = items_.Find(text.substr(0, length.bytes));
    if (id == kNoItem) continue;
    found_.push_back(id);
    found_in_[id] = round_;
  }
  return found_;
}

size_t PrefixTable::memory_bytes() const {
  return items_.memory_bytes() + lengths_.capacity() * sizeof(Length) +
         found_.capacity() * sizeof(ItemId) + found_in_.capacity() * sizeof(uint64_t);
}

}  // namespace carillon::match
