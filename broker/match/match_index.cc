#include "broker/match/match_index.h"

#include <array>
#include <utility>

#include "absl/base/macros.h"
#include "broker/match/branch.h"
#include "broker/match/item_table.h"
#include "broker/match/postings.h"

namespace carillon::match {
namespace {

constexpr size_t kFields = 3;
// A filter has at most this many leaves more than it has values and prefixes.
constexpr size_t kExtraLeavesMax = 64;

std::array<const FieldPattern*, kFields> Patterns(const CompiledFilter& filter) {
  return {&filter.type(), &filter.action(), &filter.key()};
}

// Which fields of a filter the index tells apart; the others count as "any" there, and the filter
// is asked again when an event gets to one of its leaves.
struct IndexedFields {
  std::array<bool, kFields> indexed = {true, true, true};
  bool all = true;
};

// Leaves out fields with lists, the shortest first, until the combinations of the others are few.
IndexedFields ChooseFields(const CompiledFilter& filter) {
  IndexedFields fields;
  std::array<size_t, kFields> counts;
  size_t items = 0;
  size_t leaves = 1;
  for (size_t i = 0; i < kFields; ++i) {
    counts[i] = Patterns(filter)[i]->item_count();
    items += counts[i];
    if (counts[i] > 1) leaves *= counts[i];
  }
  while (leaves > items + kExtraLeavesMax) {
    size_t shortest = kFields;
    for (size_t i = 0; i < kFields; ++i) {
      if (!fields.indexed[i] || counts[i] < 2) continue;
      if (shortest == kFields || counts[i] < counts[shortest]) shortest = i;
    }
    fields.indexed[shortest] = false;
    fields.all = false;
    leaves /= counts[shortest];
  }
  return fields;
}

}  // namespace

struct MatchIndex::Impl {
  using KeyBranch = Branch<Postings>;
  using ActionBranch = Branch<KeyBranch>;
  using TypeBranch = Branch<ActionBranch>;

  struct Slot {
    std::shared_ptr<const CompiledFilter> filter;
    // Where the filter stands in the postings of each of its leaves: if there is only one, in
    // `position`.
    std::unique_ptr<uint32_t[]> positions;
    uint32_t position = 0;
  };

  using Items = std::array<std::vector<FieldItem>, kFields>;

  uint32_t& PositionOf(Posting posting) {
    Slot& slot = slots[posting.slot()];
    return slot.positions == nullptr ? slot.position : slot.positions[posting.ordinal()];
  }

  // Calls look_up(field, item text, is_prefix) for all that the index holds of a filter.
  template <typename LookUp>
  static void ForEachItem(const CompiledFilter& filter, const IndexedFields& choice,
                          LookUp look_up) {
    for (size_t i = 0; i < kFields; ++i) {
      if (!choice.indexed[i]) continue;
      for (const std::string& value : Patterns(filter)[i]->values) look_up(i, value, false);
      for (const std::string& prefix : Patterns(filter)[i]->prefixes) look_up(i, prefix, true);
    }
  }

  // Calls visit(action branch, key branch, type, action and key item) for each leaf of a filter.
  template <typename Visit>
  static void ForEachLeaf(const Items& items, Visit visit) {
    for (const FieldItem type : items[0]) {
      for (const FieldItem action : items[1]) {
        for (const FieldItem key : items[2]) visit(type, action, key);
      }
    }
  }

  static void AddAnyWhereEmpty(Items* items) {
    for (std::vector<FieldItem>& of_field : *items) {
      if (of_field.empty()) of_field.push_back(FieldItem{});
    }
  }

  void Add(FilterSlot slot_number, std::shared_ptr<const CompiledFilter> filter);
  void Remove(FilterSlot slot_number);
  void RemoveLeaf(FieldItem type, FieldItem action, FieldItem key, uint32_t position);

  std::array<FieldItems, kFields> fields;
  TypeBranch root;
  std::vector<Slot> slots;
  size_t size = 0;
};

void MatchIndex::Impl::Add(FilterSlot slot_number, std::shared_ptr<const CompiledFilter> filter) {
  if (slot_number >= slots.size()) slots.resize(slot_number + 1);
  Slot& slot = slots[slot_number];
  ABSL_HARDENING_ASSERT(slot.filter == nullptr);
  const IndexedFields choice = ChooseFields(*filter);
  Items items;
  ForEachItem(*filter, choice, [&](size_t i, const std::string& text, bool is_prefix) {
    if (is_prefix) {
      items[i].push_back({FieldItem::kPrefix, fields[i].prefixes.Acquire(text)});
    } else {
      items[i].push_back({FieldItem::kValue, fields[i].values.Acquire(text)});
    }
  });
  AddAnyWhereEmpty(&items);
  const size_t leaves = items[0].size() * items[1].size() * items[2].size();
  if (leaves > 1) slot.positions = std::make_unique<uint32_t[]>(leaves);
  slot.filter = std::move(filter);
  uint32_t ordinal = 0;
  ForEachLeaf(items, [&](FieldItem type, FieldItem action, FieldItem key) {
    const Posting posting(slot_number, ordinal++, /*check=*/!choice.all);
    PositionOf(posting) = root.GetOrAdd(type).GetOrAdd(action).GetOrAdd(key).Add(posting);
  });
  ++size;
}

void MatchIndex::Impl::RemoveLeaf(FieldItem type, FieldItem action, FieldItem key,
                                  uint32_t position) {
  ActionBranch& by_action = root.Get(type);
  KeyBranch& by_key = by_action.Get(action);
  const std::optional<Posting> moved = by_key.Get(key).RemoveAt(position);
  if (moved.has_value()) PositionOf(*moved) = position;
  by_key.Prune(key);
  by_action.Prune(action);
  root.Prune(type);
}

void MatchIndex::Impl::Remove(FilterSlot slot_number) {
  ABSL_HARDENING_ASSERT(slot_number < slots.size() && slots[slot_number].filter != nullptr);
  const Slot slot = std::exchange(slots[slot_number], Slot());
  const IndexedFields choice = ChooseFields(*slot.filter);
  Items items;
  ForEachItem(*slot.filter, choice, [&](size_t i, const std::string& text, bool is_prefix) {
    if (is_prefix) {
      items[i].push_back({FieldItem::kPrefix, fields[i].prefixes.Find(text)});
    } else {
      items[i].push_back({FieldItem::kValue, fields[i].values.Find(text)});
    }
  });
  AddAnyWhereEmpty(&items);
  uint32_t ordinal = 0;
  ForEachLeaf(items, [&](FieldItem type, FieldItem action, FieldItem key) {
    const uint32_t position = slot.positions == nullptr ? slot.position : slot.positions[ordinal];
    ++ordinal;
    RemoveLeaf(type, action, key, position);
  });
  ForEachItem(*slot.filter, choice, [&](size_t i, const std::string& text, bool is_prefix) {
    if (is_prefix) {
      fields[i].prefixes.Release(text);
    } else {
      fields[i].values.Release(text);
    }
  });
  if (--size == 0) slots = std::vector<Slot>();
}

MatchIndex::MatchIndex() : impl_(std::make_unique<Impl>()) {}
MatchIndex::~MatchIndex() = default;

void MatchIndex::Add(FilterSlot slot, std::shared_ptr<const CompiledFilter> filter) {
  impl_->Add(slot, std::move(filter));
}

void MatchIndex::Remove(FilterSlot slot) { impl_->Remove(slot); }

void MatchIndex::Match(absl::string_view type, absl::string_view action, absl::string_view key,
                       std::vector<FilterSlot>* slots) {
  Impl& impl = *impl_;
  slots->clear();
  impl.fields[0].BeginEvent(type);
  impl.fields[1].BeginEvent(action);
  impl.fields[2].BeginEvent(key);
  // No filter is met twice: of the values and prefixes of a field at most one matches (see
  // FieldPattern), so of a filter's leaves at most one does.
  impl.root.ForEachMatching(impl.fields[0], [&](Impl::ActionBranch& by_action) {
    by_action.ForEachMatching(impl.fields[1], [&](Impl::KeyBranch& by_key) {
      by_key.ForEachMatching(impl.fields[2], [&](const Postings& postings) {
        postings.ForEach([&](Posting posting) {
          if (posting.check() &&
              !impl.slots[posting.slot()].filter->MatchesFields(type, action, key)) {
            return;
          }
          slots->push_back(posting.slot());
        });
      });
    });
  });
}

size_t MatchIndex::size() const { return impl_->size; }

size_t MatchIndex::memory_bytes() const {
  size_t bytes = impl_->root.memory_bytes() + impl_->slots.capacity() * sizeof(Impl::Slot);
  for (const FieldItems& field : impl_->fields) {
    bytes += field.values.memory_bytes() + field.prefixes.memory_bytes();
  }
  return bytes;
}

}  // namespace carillon::match
