// A node of the index tree: where to go on from here by what filters ask of one field.
#ifndef CARILLON_BROKER_MATCH_BRANCH_H_
#define CARILLON_BROKER_MATCH_BRANCH_H_

#include <cstddef>
#include <memory>
#include <type_traits>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "broker/match/hash_memory.h"
#include "broker/match/item_table.h"
#include "broker/match/postings.h"

namespace carillon::match {

// What one leaf of a filter asks of a field.
struct FieldItem {
  enum Kind { kAny, kValue, kPrefix };
  Kind kind = kAny;
  // Of a value or a prefix.
  ItemId id = kNoItem;
};

// The values and prefixes that filters ask of one field, and which of them the event at hand has.
class FieldItems {
 public:
  ItemTable values;
  PrefixTable prefixes;

  // Each item is looked up at most once an event, and only when the tree gets that far.
  void BeginEvent(absl::string_view text) {
    text_ = text;
    value_looked_up_ = false;
    found_prefixes_ = nullptr;
  }
  ItemId value_of_event() {
    if (!value_looked_up_) value_ = values.Find(text_);
    value_looked_up_ = true;
    return value_;
  }
  const std::vector<ItemId>& prefixes_of_event() {
    if (found_prefixes_ == nullptr) found_prefixes_ = &prefixes.FindAll(text_);
    return *found_prefixes_;
  }

 private:
  absl::string_view text_;
  bool value_looked_up_ = false;
  ItemId value_ = kNoItem;
  const std::vector<ItemId>* found_prefixes_ = nullptr;
};

// `Child` is a Branch by the next field, or the Postings of a leaf.
template <typename Child>
class Branch {
 public:
  bool empty() const { return any_.empty() && values_.empty() && prefixes_.empty(); }

  Child& GetOrAdd(FieldItem item) {
    if (item.kind == FieldItem::kAny) return any_;
    return Held(children(item.kind)[item.id]);
  }
  // It must be there.
  Child& Get(FieldItem item) {
    if (item.kind == FieldItem::kAny) return any_;
    return Held(children(item.kind).find(item.id)->second);
  }
  void Prune(FieldItem item) {
    if (item.kind == FieldItem::kAny || !Get(item).empty()) return;
    children(item.kind).erase(item.id);
    ShrinkIfSparse(&children(item.kind));
  }

  // Visits the children that the event at hand leads to.
  template <typename Visit>
  void ForEachMatching(FieldItems& field, Visit visit) {
    if (!any_.empty()) visit(any_);
    if (!values_.empty()) VisitIfThere(&values_, field.value_of_event(), visit);
    if (prefixes_.empty()) return;
    const std::vector<ItemId>& found = field.prefixes_of_event();
    // The shorter list is gone through, so that nobody makes events costly by nesting prefixes.
    if (found.size() <= prefixes_.size()) {
      for (const ItemId id : found) VisitIfThere(&prefixes_, id, visit);
    } else {
      for (auto& [id, child] : prefixes_) {
        if (field.prefixes.WasFound(id)) visit(Held(child));
      }
    }
  }

  // What it has allocated.
  size_t memory_bytes() const {
    size_t bytes = any_.memory_bytes();
    for (const Children* children : {&values_, &prefixes_}) {
      bytes += HashMemoryBytes(*children);
      for (const auto& [id, child] : *children) {
        bytes += Held(child).memory_bytes() + (kChildInline ? 0 : sizeof(Child));
      }
    }
    return bytes;
  }

 private:
  // Branches are too large to be kept in the slots of a hash table.
  static constexpr bool kChildInline = sizeof(Child) <= 8;
  struct OnHeap {
    std::unique_ptr<Child> child = std::make_unique<Child>();
  };
  using Holder = std::conditional_t<kChildInline, Child, OnHeap>;
  using Children = absl::flat_hash_map<ItemId, Holder>;

  template <typename AnyHolder>
  static auto& Held(AnyHolder& holder) {
    if constexpr (kChildInline) {
      return holder;
    } else {
      return *holder.child;
    }
  }

  Children& children(FieldItem::Kind kind) {
    return kind == FieldItem::kValue ? values_ : prefixes_;
  }

  template <typename Visit>
  static void VisitIfThere(Children* children, ItemId id, Visit& visit) {
    const auto it = children->find(id);
    if (it != children->end()) visit(Held(it->second));
  }

  Child any_;
  Children values_;
  Children prefixes_;
};

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_BRANCH_H_
