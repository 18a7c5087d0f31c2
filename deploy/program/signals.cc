#include "deploy/program/signals.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>

#include "absl/base/internal/raw_logging.h"
#include "absl/status/status.h"

namespace carillon::program {
namespace {

sigset_t WatchedSignals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGHUP);
  return set;
}

bool IsIgnored(int number) {
  struct sigaction action;
  return sigaction(number, nullptr, &action) == 0 && action.sa_handler == SIG_IGN;
}

}  // namespace

Signals::Signals(HangUp hang_up) : hang_up_(IsIgnored(SIGHUP) ? HangUp::kIgnore : hang_up) {
  const sigset_t watched = WatchedSignals();
  pthread_sigmask(SIG_BLOCK, &watched, nullptr);
  std::signal(SIGPIPE, SIG_IGN);
  // A write beyond the limit on file sizes is an error like others.
  std::signal(SIGXFSZ, SIG_IGN);
  signal_fd_ = signalfd(-1, &watched, SFD_CLOEXEC | SFD_NONBLOCK);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  ABSL_RAW_CHECK(signal_fd_ >= 0 && wake_fd_ >= 0, "no file descriptor for signals");
  thread_ = std::thread([this] { Run(); });
}

Signals::~Signals() {
  eventfd_write(wake_fd_, 1);
  thread_.join();
  close(signal_fd_);
  close(wake_fd_);
}

int Signals::WaitForShutdown() {
  absl::MutexLock lock(&mutex_);
  mutex_.Await(absl::Condition(&shutdown_));
  return number_;
}

void Signals::RequestShutdown() {
  absl::MutexLock lock(&mutex_);
  shutdown_ = true;
}

void Signals::Run() {
  pollfd waits[] = {{signal_fd_, POLLIN, 0}, {wake_fd_, POLLIN, 0}};
  while (true) {
    if (poll(waits, 2, -1) < 0 && errno != EINTR) ABSL_RAW_LOG(FATAL, "poll failed: %d", errno);
    if (waits[1].revents != 0) return;
    signalfd_siginfo info;
    while (read(signal_fd_, &info, sizeof info) == sizeof info) {
      HandleSignal(static_cast<int>(info.ssi_signo));
    }
  }
}

void Signals::HandleSignal(int number) {
  if (number == SIGHUP && hang_up_ == HangUp::kIgnore) return;
  absl::MutexLock lock(&mutex_);
  // A shell and the kernel both send it when a terminal is closed.
  if (shutdown_ && number == SIGHUP) return;
  if (shutdown_) _exit(128 + number);
  shutdown_ = true;
  number_ = number;
}

absl::StatusOr<uint64_t> RaiseOpenFileLimit() {
  rlimit limit;
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return absl::ErrnoToStatus(errno, "cannot read the limit of open files");
  }
  limit.rlim_cur = limit.rlim_max;
  if (setrlimit(RLIMIT_NOFILE, &limit) != 0) {
    return absl::ErrnoToStatus(errno, "cannot raise the limit of open files");
  }
  return limit.rlim_cur;
}

}  // namespace carillon::program
