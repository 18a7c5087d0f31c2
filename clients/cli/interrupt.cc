#include "clients/cli/interrupt.h"

#include <unistd.h>

#include <array>
#include <utility>

#include "absl/base/internal/raw_logging.h"

namespace carillon::cli {

Interrupt::Interrupt() {
  std::array<int, 2> ends = {};
  ABSL_RAW_CHECK(pipe(ends.data()) == 0, "a pipe can be made");
  read_fd_ = ends[0];
  write_fd_ = ends[1];
  listener_ = std::thread([this] { Listen(); });
}

Interrupt::~Interrupt() {
  signals_.RequestShutdown();
  listener_.join();
  close(read_fd_);
  close(write_fd_);
}

bool Interrupt::happened() const {
  absl::MutexLock lock(&mutex_);
  return happened_;
}

void Interrupt::OnInterrupt(std::function<void()> action) {
  absl::MutexLock lock(&mutex_);
  action_ = std::move(action);
  if (happened_ && action_) action_();
}

void Interrupt::Listen() {
  if (signals_.WaitForShutdown() == 0) return;
  absl::MutexLock lock(&mutex_);
  happened_ = true;
  const char byte = 0;
  ABSL_RAW_CHECK(write(write_fd_, &byte, 1) == 1, "an empty pipe takes a byte");
  if (action_) action_();
}

}  // namespace carillon::cli
