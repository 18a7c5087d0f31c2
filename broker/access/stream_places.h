// Places for streams, so many at a time.
#ifndef CARILLON_BROKER_ACCESS_STREAM_PLACES_H_
#define CARILLON_BROKER_ACCESS_STREAM_PLACES_H_

#include <cstddef>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/synchronization/mutex.h"

namespace carillon::access {

// The last quarter of the places is for principals that have less than a quarter of them, so that
// nobody can keep all others out. Any thread.
class StreamPlaces {
 public:
  explicit StreamPlaces(size_t places_max) : places_max_(places_max) {}

  // False: there is none for this principal at the moment.
  [[nodiscard]] bool Take(const std::string& principal) ABSL_LOCKS_EXCLUDED(mu_);
  // After a Take that was true.
  void Leave(const std::string& principal) ABSL_LOCKS_EXCLUDED(mu_);

 private:
  const size_t places_max_;
  absl::Mutex mu_;
  size_t taken_ ABSL_GUARDED_BY(mu_) = 0;
  absl::flat_hash_map<std::string, size_t> taken_by_ ABSL_GUARDED_BY(mu_);
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_STREAM_PLACES_H_
