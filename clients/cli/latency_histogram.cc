#include "clients/cli/latency_histogram.h"

#include <algorithm>
#include <bit>
#include <cmath>

namespace carillon::cli {

int LatencyHistogram::BucketOf(uint64_t nanoseconds) {
  // Values below 2^kSubBits have a bucket each; above, the highest kSubBits + 1 bits choose it.
  const int shift = std::max(0, static_cast<int>(std::bit_width(nanoseconds)) - 1 - kSubBits);
  return (shift << kSubBits) + static_cast<int>(nanoseconds >> shift);
}

uint64_t LatencyHistogram::UpperBoundOf(int bucket) {
  const int shift = std::max(0, (bucket >> kSubBits) - 1);
  const auto top = static_cast<uint64_t>(bucket - (shift << kSubBits));
  return ((top + 1) << shift) - 1;
}

void LatencyHistogram::Add(absl::Duration latency, int64_t times) {
  const int64_t nanoseconds = std::max<int64_t>(0, absl::ToInt64Nanoseconds(latency));
  counts_[static_cast<size_t>(BucketOf(static_cast<uint64_t>(nanoseconds)))] += times;
  count_ += times;
  max_ = std::max(max_, nanoseconds);
}

void LatencyHistogram::Merge(const LatencyHistogram& other) {
  for (size_t i = 0; i < counts_.size(); ++i) counts_[i] += other.counts_[i];
  count_ += other.count_;
  max_ = std::max(max_, other.max_);
}

absl::Duration LatencyHistogram::Percentile(double part) const {
  if (count_ == 0) return absl::ZeroDuration();
  const auto wanted =
      std::max<int64_t>(1, static_cast<int64_t>(std::ceil(part * static_cast<double>(count_))));
  int64_t seen = 0;
  for (int bucket = 0; bucket < kBuckets; ++bucket) {
    seen += counts_[static_cast<size_t>(bucket)];
    if (seen >= wanted) {
      return std::min(max(), absl::Nanoseconds(static_cast<int64_t>(UpperBoundOf(bucket))));
    }
  }
  return max();
}

}  // namespace carillon::cli
