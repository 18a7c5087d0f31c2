// What abseil's hash tables take, and give back.
#ifndef CARILLON_BROKER_MATCH_HASH_MEMORY_H_
#define CARILLON_BROKER_MATCH_HASH_MEMORY_H_

#include <cstddef>

namespace carillon::match {

// About what a flat hash table has allocated: its slots and a control byte for each.
template <typename FlatHashTable>
size_t HashMemoryBytes(const FlatHashTable& table) {
  return table.capacity() * (sizeof(typename FlatHashTable::value_type) + 1);
}

// Erasing does not make a table smaller by itself. Amortised, this costs O(1) an erase.
template <typename FlatHashTable>
void ShrinkIfSparse(FlatHashTable* table) {
  if (table->empty()) {
    *table = FlatHashTable();
  } else if (table->capacity() >= 64 && table->size() < table->capacity() / 8) {
    table->rehash(0);
  }
}

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_HASH_MEMORY_H_
