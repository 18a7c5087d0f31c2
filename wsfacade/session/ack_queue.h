// Answers to commands, in the order of the commands, however late some are known. Pure.
#ifndef CARILLON_WSFACADE_SESSION_ACK_QUEUE_H_
#define CARILLON_WSFACADE_SESSION_ACK_QUEUE_H_

#include <deque>
#include <memory>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "wsfacade/hub/registration_table.h"
#include "wsfacade/ws/command.h"

namespace carillon::facade {

// Not thread-safe. Holds memory only while something waits.
class AckQueue {
 public:
  // An answer that is known but has to wait its turn, or a register that waits for its subscription
  // to come into force.
  struct Ack {
    Verb verb;
    // What is to be acknowledged, or, with an error, the command.
    std::string text;
    absl::Status error;
    // Null: waits for nothing but its turn.
    const LocalSubscription* awaited = nullptr;
    // Of a registration that was there already: another one acknowledges it, or has done so.
    bool repeats = false;
  };

  bool empty() const { return acks_ == nullptr; }
  // What the texts hold.
  size_t size_bytes() const { return acks_ == nullptr ? 0 : acks_->bytes; }

  void Push(Ack ack);

  // Hands out the answers whose turn it is.
  void TakeReady(absl::FunctionRef<void(const Ack&)> take);

  // Whether the registration for it is still to be acknowledged.
  bool Awaits(const LocalSubscription* subscription) const {
    return acks_ != nullptr && acks_->awaited.contains(subscription);
  }

  // What waits for `from` waits for `to` instead; null: for nothing any more.
  void Replace(const LocalSubscription* from, const LocalSubscription* to);
  // What waits for `subscription` becomes an error.
  void Fail(const LocalSubscription* subscription, const absl::Status& error);

 private:
  struct Acks {
    std::deque<Ack> queue;
    size_t bytes = 0;
    // Those for which one in the queue waits that does not repeat.
    absl::flat_hash_set<const LocalSubscription*> awaited;
  };
  std::unique_ptr<Acks> acks_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_ACK_QUEUE_H_
