// Events of carillon bench: each tells from which stream of which run it is, which one of it, and
// when it was sent, so that a watcher can tell whether one is missing.
#ifndef CARILLON_CLIENTS_CLI_BENCH_MARKER_H_
#define CARILLON_CLIENTS_CLI_BENCH_MARKER_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/event.pb.h"

namespace carillon::cli {

struct BenchMarker {
  // Names the run; random, not negative.
  int64_t run = 0;
  int64_t stream = 0;
  // From 0 on, without holes, within the stream.
  int64_t number = 0;
  // Nanoseconds since 1970.
  int64_t sent_at = 0;
};

// An event of this marker whose encoding has `size` bytes, or as few as it takes.
v1::Event MakeBenchEvent(const BenchMarker& marker, size_t size);

// The marker in an event's object; nothing if it is not from a bench.
std::optional<BenchMarker> ParseBenchMarker(absl::string_view object);

// Checks that each stream's events come in order, each once. One thread.
class SequenceChecker {
 public:
  void Add(const BenchMarker& marker);

  // Numbers left out; a stream is to begin with 0.
  int64_t lost() const { return lost_; }
  // Numbers that came again, or too late.
  int64_t repeated() const { return repeated_; }
  size_t stream_count() const { return next_.size(); }

 private:
  absl::flat_hash_map<std::pair<int64_t, int64_t>, int64_t> next_;
  int64_t lost_ = 0;
  int64_t repeated_ = 0;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_BENCH_MARKER_H_
