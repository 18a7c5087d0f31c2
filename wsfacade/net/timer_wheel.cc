#include "wsfacade/net/timer_wheel.h"

#include <algorithm>

namespace carillon::facade {

void TimerWheel::Node::Unlink() {
  if (!linked()) return;
  previous_->next_ = next_;
  next_->previous_ = previous_;
  next_ = previous_ = nullptr;
}

TimerWheel::TimerWheel(size_t slots) : slots_(slots) {
  for (Node& head : slots_) head.next_ = head.previous_ = &head;
}

void TimerWheel::Link(Node* node, int64_t due) {
  due = std::clamp(due, now_ + 1, now_ + static_cast<int64_t>(slots_.size()));
  node->due_ = due;
  Node& head = slots_[static_cast<size_t>(due) % slots_.size()];
  node->next_ = &head;
  node->previous_ = head.previous_;
  head.previous_->next_ = node;
  head.previous_ = node;
}

void TimerWheel::Set(Node* node, int64_t deadline) {
  node->deadline_ = deadline;
  if (node->linked()) {
    if (node->due_ <= deadline) return;
    node->Unlink();
  }
  Link(node, deadline);
}

void TimerWheel::Cancel(Node* node) {
  node->deadline_ = Node::kNever;
  node->Unlink();
}

void TimerWheel::Advance(int64_t now, absl::FunctionRef<void(Node*)> expired) {
  while (now_ < now) {
    ++now_;
    Node& head = slots_[static_cast<size_t>(now_) % slots_.size()];
    // Taken out as a whole: what `expired` links goes to a later slot.
    Node due;
    if (head.next_ != &head) {
      due.next_ = head.next_;
      due.previous_ = head.previous_;
      due.next_->previous_ = due.previous_->next_ = &due;
      head.next_ = head.previous_ = &head;
    } else {
      continue;
    }
    while (due.next_ != &due) {
      Node* node = due.next_;
      node->Unlink();
      if (node->deadline_ > now_) {
        Link(node, node->deadline_);
        continue;
      }
      node->deadline_ = Node::kNever;
      expired(node);
    }
    due.next_ = due.previous_ = nullptr;
  }
}

}  // namespace carillon::facade
