#include "wsfacade/net/outbox.h"

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>

namespace carillon::facade {
namespace {

// An exclusive range stops growing here: what was written of it is only freed with all of it.
constexpr size_t kExclusiveBytesMax = 64 << 10;
// A range that uses less than one part in so many of its bytes is copied by Settle.
constexpr size_t kSettleRatio = 4;
// So many written ranges are dropped together.
constexpr uint32_t kCompactAfter = 64;

}  // namespace

void Outbox::Append(const SharedBytesPtr& bytes, size_t begin, size_t end) {
  size_bytes_ += end - begin;
  if (ranges_.size() > head_) {
    Range& last = ranges_.back();
    if (last.bytes == bytes && last.end == begin) {
      last.end = static_cast<uint32_t>(end);
      return;
    }
  }
  ranges_.push_back({bytes, static_cast<uint32_t>(begin), static_cast<uint32_t>(end)});
}

void Outbox::AddCopy(absl::string_view bytes, absl::InlinedVector<Range, 1>* ranges) {
  if (!ranges->empty()) {
    Range& last = ranges->back();
    if (last.bytes->exclusive_ && last.bytes->bytes_.size() + bytes.size() <= kExclusiveBytesMax) {
      last.bytes->bytes_.append(bytes.data(), bytes.size());
      last.end = static_cast<uint32_t>(last.bytes->bytes_.size());
      return;
    }
  }
  SharedBytesPtr own(new SharedBytes(std::string(bytes)));
  own->exclusive_ = true;
  ranges->push_back({std::move(own), 0, static_cast<uint32_t>(bytes.size())});
}

void Outbox::AppendCopy(absl::string_view bytes) {
  if (bytes.empty()) return;
  size_bytes_ += bytes.size();
  if (ranges_.size() == head_) Compact();
  AddCopy(bytes, &ranges_);
}

absl::string_view Outbox::Peek(absl::Span<char> scratch) const {
  if (empty()) return {};
  const absl::string_view first = ranges_[head_].view();
  if (first.size() >= scratch.size() || head_ + 1 == ranges_.size()) return first;
  size_t size = 0;
  for (size_t i = head_; i < ranges_.size() && size < scratch.size(); ++i) {
    const absl::string_view part = ranges_[i].view().substr(0, scratch.size() - size);
    std::memcpy(scratch.data() + size, part.data(), part.size());
    size += part.size();
  }
  return {scratch.data(), size};
}

void Outbox::Consume(size_t count) {
  size_bytes_ -= count;
  while (count > 0) {
    Range& first = ranges_[head_];
    if (count < first.size()) {
      first.begin += static_cast<uint32_t>(count);
      head_begun_ = true;
      return;
    }
    count -= first.size();
    first.bytes.reset();
    ++head_;
    head_begun_ = false;
  }
  if (head_ == ranges_.size() || head_ >= kCompactAfter) Compact();
}

void Outbox::Compact() {
  settled_ -= std::min(settled_, head_);
  if (head_ == ranges_.size()) {
    ranges_.clear();
    ranges_.shrink_to_fit();
  } else {
    ranges_.erase(ranges_.begin(), ranges_.begin() + head_);
  }
  head_ = 0;
}

void Outbox::DropUnbegun() {
  const uint32_t end = head_begun_ ? head_ + 1 : head_;
  size_bytes_ = head_begun_ ? ranges_[head_].size() : 0;
  ranges_.erase(ranges_.begin() + end, ranges_.end());
  settled_ = std::min(settled_, end);
  if (size_bytes_ == 0) Compact();
}

void Outbox::Settle() {
  Compact();
  const auto wasteful = [](const Range& range) {
    return !range.bytes->exclusive_ && range.size() * kSettleRatio < range.bytes->bytes_.size();
  };
  if (std::none_of(ranges_.begin() + settled_, ranges_.end(), wasteful)) {
    settled_ = static_cast<uint32_t>(ranges_.size());
    return;
  }
  absl::InlinedVector<Range, 1> settled(std::make_move_iterator(ranges_.begin()),
                                        std::make_move_iterator(ranges_.begin() + settled_));
  for (size_t i = settled_; i < ranges_.size(); ++i) {
    if (wasteful(ranges_[i])) {
      AddCopy(ranges_[i].view(), &settled);
    } else {
      settled.push_back(std::move(ranges_[i]));
    }
  }
  ranges_ = std::move(settled);
  settled_ = static_cast<uint32_t>(ranges_.size());
}

}  // namespace carillon::facade
