// Reads lines from a file, a pipe or a terminal.
#ifndef CARILLON_CLIENTS_CLI_LINE_READER_H_
#define CARILLON_CLIENTS_CLI_LINE_READER_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::cli {

// One thread.
class LineReader {
 public:
  // The longest line it takes: the largest event, escaped, with room to spare.
  static constexpr size_t kLineBytesMax = 8 << 20;

  // Reads from `fd`, which must outlive it. Ends early when `interrupt_fd` (-1: none) is readable.
  LineReader(int fd, int interrupt_fd);

  // The next line without its end, valid until the next call. False at the end of the file or when
  // interrupted. OUT_OF_RANGE: a line longer than kLineBytesMax, which is passed over; otherwise
  // the file cannot be read.
  absl::StatusOr<bool> Next(absl::string_view* line);

  // Number of the line Next returned last, from 1 on.
  int64_t line_number() const { return line_number_; }
  // Bytes of the lines returned so far.
  int64_t bytes_read() const { return bytes_read_; }

  // Whether Next can answer without waiting for input.
  bool Ready() const;

 private:
  bool TakeLine(absl::string_view* line);
  // Waits for input and takes it in. False if there is no more.
  absl::StatusOr<bool> Fill();

  const int fd_;
  const int interrupt_fd_;
  std::string buffer_;
  // The part of buffer_ before begin_ has been returned; the part before scanned_ holds no line
  // end.
  size_t begin_ = 0;
  size_t scanned_ = 0;
  bool at_end_ = false;
  bool skipping_ = false;
  int64_t line_number_ = 0;
  int64_t bytes_read_ = 0;
};

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_LINE_READER_H_
