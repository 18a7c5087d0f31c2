// The events of the load: JSON of one length whose number and time of sending stand at fixed
// places. Pure.
#ifndef CARILLON_TESTS_BENCH_LOAD_EVENT_TEXT_H_
#define CARILLON_TESTS_BENCH_LOAD_EVENT_TEXT_H_

#include <cstdint>
#include <string>

#include "absl/strings/string_view.h"

namespace carillon::bench {

inline constexpr char kEventType[] = "bench";
inline constexpr char kEventAction[] = "save";
inline constexpr char kEventKey[] = "6a1ed2c4-9d5f-4d8e-8e4c-100000000000";
// Of every event; with nine fractional digits, so that its text never changes its length.
inline constexpr int64_t kEventSeconds = 1'513'898'803;
inline constexpr int32_t kEventNanos = 412'554'193;

struct Stamp {
  uint64_t number = 0;
  // CLOCK_MONOTONIC, so that only one machine understands it.
  uint64_t sent_ns = 0;
};

uint64_t MonotonicNanos();

// What a browser receives for one event: the whole is what peers are made to carry, object() is
// what Carillon is given, which makes the same whole of it.
class EventText {
 public:
  // `size` counts the whole; smaller than the members need is not possible.
  explicit EventText(size_t size);

  void Write(const Stamp& stamp);

  absl::string_view whole() const { return text_; }
  absl::string_view object() const;

 private:
  std::string text_;
  size_t object_begin_;
  size_t number_begin_;
};

// Finds stamps in texts like one EventText's.
class StampReader {
 public:
  explicit StampReader(size_t size);

  // False: `text` is something else.
  bool Read(absl::string_view text, Stamp* stamp) const;

 private:
  size_t size_;
  size_t number_begin_;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_EVENT_TEXT_H_
