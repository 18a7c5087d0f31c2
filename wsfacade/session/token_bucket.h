// How often something may happen. Pure.
#ifndef CARILLON_WSFACADE_SESSION_TOKEN_BUCKET_H_
#define CARILLON_WSFACADE_SESSION_TOKEN_BUCKET_H_

#include "absl/time/time.h"

namespace carillon::facade {

struct Rate {
  int per_second = 0;
  // At once, after a quiet time.
  int burst = 0;
};

// Begins full. Not thread-safe.
class TokenBucket {
 public:
  // False: too often. `now` never goes back.
  bool Take(const Rate& rate, absl::Time now);

 private:
  absl::Time filled_ = absl::InfinitePast();
  double tokens_ = 0;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_TOKEN_BUCKET_H_
