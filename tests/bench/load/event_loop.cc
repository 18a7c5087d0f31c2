#include "tests/bench/load/event_loop.h"

#include <unistd.h>

#include <cerrno>
#include <ctime>

#include "absl/base/internal/raw_logging.h"
#include "tests/bench/load/event_text.h"

namespace carillon::bench {

EventLoop::EventLoop() : epoll_fd_(epoll_create1(EPOLL_CLOEXEC)), ready_(256) {
  ABSL_RAW_CHECK(epoll_fd_ >= 0, "epoll_create1 failed");
}

EventLoop::~EventLoop() { close(epoll_fd_); }

void EventLoop::Add(int fd, uint32_t events, Pollable* pollable) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = pollable;
  ABSL_RAW_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event) == 0, "epoll_ctl failed");
}

void EventLoop::Change(int fd, uint32_t events, Pollable* pollable) {
  epoll_event event = {};
  event.events = events;
  event.data.ptr = pollable;
  ABSL_RAW_CHECK(epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, fd, &event) == 0, "epoll_ctl failed");
}

void EventLoop::Remove(int fd) { epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, fd, nullptr); }

void EventLoop::RunOnce(uint64_t deadline_ns) {
  const uint64_t now = MonotonicNanos();
  const uint64_t wait = deadline_ns > now ? deadline_ns - now : 0;
  const timespec timeout = {static_cast<time_t>(wait / 1'000'000'000),
                            static_cast<long>(wait % 1'000'000'000)};
  const int count =
      epoll_pwait2(epoll_fd_, ready_.data(), static_cast<int>(ready_.size()), &timeout, nullptr);
  ABSL_RAW_CHECK(count >= 0 || errno == EINTR, "epoll_pwait2 failed");
  for (int i = 0; i < count; ++i) {
    const epoll_event& event = ready_[static_cast<size_t>(i)];
    static_cast<Pollable*>(event.data.ptr)->OnReady(event.events);
  }
}

}  // namespace carillon::bench
