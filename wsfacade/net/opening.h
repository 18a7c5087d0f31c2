// How many connections are still in their handshake.
#ifndef CARILLON_WSFACADE_NET_OPENING_H_
#define CARILLON_WSFACADE_NET_OPENING_H_

#include <atomic>
#include <functional>
#include <utility>

namespace carillon::facade {

// Any thread.
class OpeningCount {
 public:
  // `on_fewer` is called when no more than half of `max` are left.
  OpeningCount(int max, std::function<void()> on_fewer)
      : max_(max), on_fewer_(std::move(on_fewer)) {}

  bool is_full() const { return count_.load() >= max_; }

 private:
  friend class Opening;

  void Add() { count_.fetch_add(1); }
  void Remove() {
    if (count_.fetch_sub(1) == max_ / 2 + 1) on_fewer_();
  }

  const int max_;
  const std::function<void()> on_fewer_;
  std::atomic<int> count_{0};
};

// Counts for one connection, until it ends or is destroyed. The count must outlive it.
class Opening {
 public:
  explicit Opening(OpeningCount* count) : count_(count) { count_->Add(); }
  ~Opening() { End(); }
  Opening(Opening&& other) noexcept : count_(std::exchange(other.count_, nullptr)) {}
  Opening& operator=(Opening&&) = delete;

  void End() {
    if (OpeningCount* const count = std::exchange(count_, nullptr)) count->Remove();
  }

 private:
  OpeningCount* count_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_OPENING_H_
