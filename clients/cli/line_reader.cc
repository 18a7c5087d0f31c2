#include "clients/cli/line_reader.h"

#include <poll.h>
#include <unistd.h>

#include <array>
#include <cerrno>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace carillon::cli {
namespace {

constexpr size_t kReadBytes = 256 << 10;

}  // namespace

LineReader::LineReader(int fd, int interrupt_fd) : fd_(fd), interrupt_fd_(interrupt_fd) {}

bool LineReader::TakeLine(absl::string_view* line) {
  const size_t end = buffer_.find('\n', scanned_);
  if (end == std::string::npos) {
    scanned_ = buffer_.size();
    if (!at_end_ || begin_ == buffer_.size()) return false;
    *line = absl::string_view(buffer_).substr(begin_);
    begin_ = buffer_.size();
  } else {
    *line = absl::string_view(buffer_).substr(begin_, end - begin_);
    begin_ = end + 1;
    scanned_ = begin_;
  }
  ++line_number_;
  bytes_read_ += static_cast<int64_t>(line->size()) + 1;
  if (!line->empty() && line->back() == '\r') line->remove_suffix(1);
  return true;
}

absl::StatusOr<bool> LineReader::Fill() {
  std::array<pollfd, 2> ends = {{{fd_, POLLIN, 0}, {interrupt_fd_, POLLIN, 0}}};
  while (poll(ends.data(), ends.size(), -1) < 0) {
    if (errno != EINTR) return absl::ErrnoToStatus(errno, "cannot wait for input");
  }
  if (ends[1].revents != 0) return false;
  buffer_.erase(0, begin_);
  scanned_ -= begin_;
  begin_ = 0;
  const size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  ssize_t count = read(fd_, &buffer_[size], kReadBytes);
  while (count < 0 && errno == EINTR) count = read(fd_, &buffer_[size], kReadBytes);
  buffer_.resize(size + static_cast<size_t>(count < 0 ? 0 : count));
  if (count < 0) return absl::ErrnoToStatus(errno, "cannot read the input");
  at_end_ = count == 0;
  return true;
}

absl::StatusOr<bool> LineReader::Next(absl::string_view* line) {
  for (;;) {
    if (TakeLine(line)) {
      if (!skipping_) return true;
      skipping_ = false;
      return absl::OutOfRangeError(
          absl::StrCat("the line is longer than ", kLineBytesMax, " bytes"));
    }
    if (at_end_) return false;
    if (buffer_.size() - begin_ > kLineBytesMax) {
      // Its end is still to come and will be told as an error.
      skipping_ = true;
      begin_ = buffer_.size();
    }
    absl::StatusOr<bool> filled = Fill();
    if (!filled.ok() || !*filled) return filled;
  }
}

bool LineReader::Ready() const {
  if (at_end_ || buffer_.find('\n', scanned_) != std::string::npos) return true;
  pollfd readable = {fd_, POLLIN, 0};
  return poll(&readable, 1, 0) != 0;
}

}  // namespace carillon::cli
