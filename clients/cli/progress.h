// How far a long publish has come, for people at a terminal.
#ifndef CARILLON_CLIENTS_CLI_PROGRESS_H_
#define CARILLON_CLIENTS_CLI_PROGRESS_H_

#include <cstdint>
#include <string>

#include "absl/time/time.h"

namespace carillon::cli {

struct ProgressState {
  // Bytes read and in all; total 0: not known.
  int64_t bytes = 0;
  int64_t bytes_total = 0;
  int64_t acknowledged = 0;
  int64_t refused = 0;
  absl::Duration elapsed;
};

// The line, at most `width` columns, without control characters.
std::string FormatProgress(const ProgressState& state, int width);

// Draws the line in place on stderr, at most ten times a second; does nothing if that is no
// terminal. One thread at a time.
class ProgressLine {
 public:
  ProgressLine();
  // Wipes the line.
  ~ProgressLine();
  ProgressLine(const ProgressLine&) = delete;
  ProgressLine& operator=(const ProgressLine&) = delete;

  void Draw(ProgressState state);
  // Wipes the line so that a message can be printed; the next Draw shows it again.
  void Clear();

 private:
  const int width_;
  const absl::Time start_;
  absl::Time drawn_at_ = absl::InfinitePast();
  bool visible_ = false;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_PROGRESS_H_
