#include "wsfacade/session/token_bucket.h"

#include <gtest/gtest.h>

namespace carillon::facade {
namespace {

constexpr Rate kRate{.per_second = 10, .burst = 3};
const absl::Time kStart = absl::FromUnixSeconds(1000);

int TakeAll(TokenBucket* bucket, absl::Time now) {
  int count = 0;
  while (bucket->Take(kRate, now)) ++count;
  return count;
}

TEST(TokenBucketTest, BeginsWithTheBurst) {
  TokenBucket bucket;
  EXPECT_EQ(TakeAll(&bucket, kStart), 3);
}

TEST(TokenBucketTest, FillsAtTheRateUpToTheBurst) {
  TokenBucket bucket;
  TakeAll(&bucket, kStart);
  EXPECT_EQ(TakeAll(&bucket, kStart + absl::Milliseconds(99)), 0);
  EXPECT_EQ(TakeAll(&bucket, kStart + absl::Milliseconds(201)), 2);
  EXPECT_EQ(TakeAll(&bucket, kStart + absl::Hours(1)), 3);
}

TEST(TokenBucketTest, SmallStepsAddUp) {
  TokenBucket bucket;
  TakeAll(&bucket, kStart);
  int count = 0;
  for (int ms = 1; ms <= 1005; ++ms) {
    if (bucket.Take(kRate, kStart + absl::Milliseconds(ms))) ++count;
  }
  EXPECT_EQ(count, 10);
}

}  // namespace
}  // namespace carillon::facade
