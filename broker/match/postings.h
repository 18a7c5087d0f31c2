// The filters at one leaf of the index.
#ifndef CARILLON_BROKER_MATCH_POSTINGS_H_
#define CARILLON_BROKER_MATCH_POSTINGS_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

namespace carillon::match {

// A filter at a leaf: which one, which of its leaves this is, and whether the fields have to be
// checked once more because the index holds less than the filter says. 64 bits, never all zero.
class Posting {
 public:
  Posting(uint32_t slot, uint32_t ordinal, bool check)
      : bits_(uint64_t{slot} << 32 | uint64_t{ordinal} << 2 | uint64_t{check} << 1 | 1) {}

  uint32_t slot() const { return static_cast<uint32_t>(bits_ >> 32); }
  uint32_t ordinal() const { return static_cast<uint32_t>(bits_) >> 2; }
  bool check() const { return (bits_ & 2) != 0; }

 private:
  friend class Postings;
  explicit Posting(uint64_t bits) : bits_(bits) {}
  uint64_t bits_;
};

// A list of postings in one word while there is at most one, as at nearly all leaves.
class Postings {
 public:
  Postings() = default;
  Postings(Postings&& other) noexcept : word_(std::exchange(other.word_, 0)) {}
  Postings& operator=(Postings&& other) noexcept {
    std::swap(word_, other.word_);
    return *this;
  }
  ~Postings() {
    if (is_list()) delete list();
  }

  bool empty() const { return word_ == 0; }

  // Returns the position it now has.
  uint32_t Add(Posting posting);

  // Removes the posting at `position`, and returns the one that now has that position instead.
  std::optional<Posting> RemoveAt(uint32_t position);

  template <typename Visit>
  void ForEach(Visit visit) const {
    if (is_list()) {
      for (const Posting& posting : *list()) visit(posting);
    } else if (!empty()) {
      visit(Posting(word_));
    }
  }

  size_t memory_bytes() const {
    return is_list() ? sizeof(List) + list()->capacity() * sizeof(Posting) : 0;
  }

 private:
  using List = std::vector<Posting>;
  static_assert(sizeof(List*) <= sizeof(uint64_t) && alignof(List) > 1);

  // Pointers are even, postings odd.
  bool is_list() const { return word_ != 0 && (word_ & 1) == 0; }
  // NOLINTNEXTLINE(performance-no-int-to-ptr): one word for either halves the index
  List* list() const { return reinterpret_cast<List*>(static_cast<uintptr_t>(word_)); }

  uint64_t word_ = 0;
};

inline uint32_t Postings::Add(Posting posting) {
  if (empty()) {
    word_ = posting.bits_;
    return 0;
  }
  if (!is_list()) {
    word_ = reinterpret_cast<uintptr_t>(new List{Posting(word_)});
  }
  list()->push_back(posting);
  return static_cast<uint32_t>(list()->size() - 1);
}

inline std::optional<Posting> Postings::RemoveAt(uint32_t position) {
  if (!is_list()) {
    word_ = 0;
    return std::nullopt;
  }
  List& postings = *list();
  std::optional<Posting> moved;
  if (position + 1 < postings.size()) {
    moved = postings.back();
    postings[position] = *moved;
  }
  postings.pop_back();
  if (postings.size() == 1) {
    const Posting last = postings.front();
    delete list();
    word_ = last.bits_;
  } else if (postings.size() < postings.capacity() / 4) {
    postings.shrink_to_fit();
  }
  return moved;
}

}  // namespace carillon::match

#endif  // CARILLON_BROKER_MATCH_POSTINGS_H_
