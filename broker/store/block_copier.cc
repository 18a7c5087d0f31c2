#include "broker/store/block_copier.h"

#include <algorithm>
#include <memory>
#include <utility>

#include "absl/strings/str_cat.h"

namespace carillon::store {
namespace {

// EventBlock counts its bytes in 32 bits.
constexpr size_t kReadBytesMax = size_t{1} << 30;

absl::Status Hole(uint64_t sequence) {
  return absl::DataLossError(absl::StrCat("the log is damaged: event ", sequence, " is missing"));
}

}  // namespace

BlockCopier::BlockCopier(uint64_t first_sequence, size_t bytes_max)
    : next_sequence_(first_sequence),
      bytes_max_(std::min(bytes_max, kReadBytesMax)),
      first_sequence_(first_sequence) {}

void BlockCopier::Reserve(uint64_t bytes) {
  records_.reserve(std::min<uint64_t>(bytes, bytes_max_));
}

absl::StatusOr<bool> BlockCopier::Take(const BlockView& block) {
  if (next_sequence_ < block.first_sequence() || next_sequence_ >= block.next_sequence()) {
    return Hole(next_sequence_);
  }
  uint32_t i = static_cast<uint32_t>(next_sequence_ - block.first_sequence());
  const uint32_t begin = block.record_begin(i);
  uint32_t end = begin;
  for (; i < block.count(); ++i) {
    const uint32_t next_end = block.record_begin(i + 1);
    if (next_end < end) return Hole(block.first_sequence() + i);
    const size_t bytes = records_.size() + (next_end - begin);
    if (bytes > bytes_max_ && !ends_.empty()) break;
    ends_.push_back(static_cast<uint32_t>(bytes));
    end = next_end;
  }
  absl::StrAppend(&records_, block.records().substr(begin, end - begin));
  next_sequence_ = block.first_sequence() + i;
  return i == block.count() && records_.size() < bytes_max_;
}

log::EventBlockPtr BlockCopier::Finish() {
  return std::make_shared<log::EventBlock>(first_sequence_, std::move(records_), std::move(ends_));
}

}  // namespace carillon::store
