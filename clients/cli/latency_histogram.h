// Latencies counted in buckets that are at most 1/64 of their value wide.
#ifndef CARILLON_CLIENTS_CLI_LATENCY_HISTOGRAM_H_
#define CARILLON_CLIENTS_CLI_LATENCY_HISTOGRAM_H_

#include <array>
#include <cstdint>

#include "absl/time/time.h"

namespace carillon::cli {

// One thread.
class LatencyHistogram {
 public:
  // Counts `times` measurements; a negative latency (clocks differ) counts as none.
  void Add(absl::Duration latency, int64_t times = 1);
  void Merge(const LatencyHistogram& other);

  int64_t count() const { return count_; }
  absl::Duration max() const { return absl::Nanoseconds(max_); }
  // The latency that `part` (0 to 1) of the measurements did not exceed; zero if there are none.
  absl::Duration Percentile(double part) const;

 private:
  static constexpr int kSubBits = 6;
  static constexpr int kBuckets = (64 - kSubBits) << kSubBits;

  static int BucketOf(uint64_t nanoseconds);
  // The largest value of the bucket.
  static uint64_t UpperBoundOf(int bucket);

  std::array<int64_t, kBuckets> counts_ = {};
  int64_t count_ = 0;
  int64_t max_ = 0;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_LATENCY_HISTOGRAM_H_
