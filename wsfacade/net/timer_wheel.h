// Deadlines of many connections for the price of one timer: coarse, cheap to move.
#ifndef CARILLON_WSFACADE_NET_TIMER_WHEEL_H_
#define CARILLON_WSFACADE_NET_TIMER_WHEEL_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "absl/functional/function_ref.h"

namespace carillon::facade {

// Time is counted in ticks, which the caller gives a length. Not thread-safe.
class TimerWheel {
 public:
  // One deadline, part of whatever has it. Must not outlive the wheel while it is set.
  class Node {
   public:
    Node() = default;
    ~Node() { Unlink(); }
    Node(const Node&) = delete;
    Node& operator=(const Node&) = delete;

    bool is_set() const { return deadline_ != kNever; }

   private:
    friend class TimerWheel;
    static constexpr int64_t kNever = INT64_MAX;

    bool linked() const { return next_ != nullptr; }
    void Unlink();

    Node* next_ = nullptr;
    Node* previous_ = nullptr;
    int64_t deadline_ = kNever;
    // Where it is linked: at or before its deadline.
    int64_t due_ = 0;
  };

  // `slots`: how many ticks ahead a deadline is found without looking at it in between.
  explicit TimerWheel(size_t slots);

  // At the tick `deadline` or soon after. Replaces the one that was set. A later one than before
  // costs an assignment.
  void Set(Node* node, int64_t deadline);
  void Cancel(Node* node);

  // Moves the time on and calls `expired` for each node whose deadline has come; it is no longer
  // set then. `expired` may set and cancel any node, and end any.
  void Advance(int64_t now, absl::FunctionRef<void(Node*)> expired);

 private:
  void Link(Node* node, int64_t due);

  // Heads of circular lists.
  std::vector<Node> slots_;
  int64_t now_ = 0;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_TIMER_WHEEL_H_
