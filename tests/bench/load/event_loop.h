// epoll.
#ifndef CARILLON_TESTS_BENCH_LOAD_EVENT_LOOP_H_
#define CARILLON_TESTS_BENCH_LOAD_EVENT_LOOP_H_

#include <sys/epoll.h>

#include <cstdint>
#include <vector>

namespace carillon::bench {

class Pollable {
 public:
  virtual ~Pollable() = default;
  // `events` are epoll's.
  virtual void OnReady(uint32_t events) = 0;
};

// One thread.
class EventLoop {
 public:
  EventLoop();
  ~EventLoop();
  EventLoop(const EventLoop&) = delete;
  EventLoop& operator=(const EventLoop&) = delete;

  // `pollable` must live until its descriptor is closed or removed, and not be destroyed by an
  // OnReady.
  void Add(int fd, uint32_t events, Pollable* pollable);
  void Change(int fd, uint32_t events, Pollable* pollable);
  void Remove(int fd);

  // Handles what is ready; waits for it until the monotonic time `deadline_ns`.
  void RunOnce(uint64_t deadline_ns);

 private:
  int epoll_fd_;
  std::vector<epoll_event> ready_;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_EVENT_LOOP_H_
