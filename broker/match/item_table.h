// The values and prefixes that filters ask of one field, each stored once and named by a number.
#ifndef CARILLON_BROKER_MATCH_ITEM_TABLE_H_
#define CARILLON_BROKER_MATCH_ITEM_TABLE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"

namespace carillon::match {

using ItemId = uint32_t;
inline constexpr ItemId kNoItem = UINT32_MAX;

// Texts with the number of their users. Ids are dense from 0 and used again.
class ItemTable {
 public:
  // Adds a user of `text`.
  ItemId Acquire(absl::string_view text);
  // Removes a user. True: it was the last, and the id is free.
  bool Release(absl::string_view text);
  // kNoItem if nobody uses it.
  ItemId Find(absl::string_view text) const;

  bool empty() const { return items_.empty(); }
  // Ids are less than this.
  size_t id_bound() const { return id_bound_; }
  size_t memory_bytes() const;

 private:
  struct Item {
    ItemId id;
    uint32_t users;
  };
  absl::flat_hash_map<std::string, Item> items_;
  std::vector<ItemId> free_ids_;
  size_t id_bound_ = 0;
  // Of the texts that do not fit into a std::string itself.
  size_t text_bytes_ = 0;
};

// Prefixes; finds all that a text begins with by one look-up for each length that occurs.
class PrefixTable {
 public:
  ItemId Acquire(absl::string_view prefix);
  void Release(absl::string_view prefix);
  ItemId Find(absl::string_view prefix) const { return items_.Find(prefix); }

  // Finds the prefixes of `text`, shortest first. Good until the next FindAll, Acquire or Release.
  const std::vector<ItemId>& FindAll(absl::string_view text);
  // Whether the last FindAll found it.
  bool WasFound(ItemId id) const { return found_in_[id] == round_; }

  bool empty() const { return items_.empty(); }
  size_t memory_bytes() const;

 private:
  struct Length {
    size_t bytes;
    uint32_t prefixes;
  };
  std::vector<Length>::iterator FindLength(size_t bytes);

  ItemTable items_;
  // In ascending order.
  std::vector<Length> lengths_;
  std::vector<ItemId> found_;
  // By id: the round in which it was found last.
  std::vector<uint64_t> found_in_;
  uint64_t round_ = 0;
};

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_ITEM_TABLE_H_
