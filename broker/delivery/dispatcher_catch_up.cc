// How a stream that is not live is brought from its place in the log to where the dispatcher is.
#include <algorithm>
#include <utility>

#include "broker/delivery/dispatcher.h"
#include "broker/log/position.h"

namespace carillon::delivery {

using State = Subscriber::State;

void Dispatcher::CatchUp(const SubscriberPtr& subscriber) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  if (side.state == State::kCatchingUp) BeginAwaited(*subscriber);
  if (side.state != State::kCatchingUp || side.reading) return;
  if (side.cursor >= CatchUpEnd(side)) {
    return side.until == Subscriber::kNoEnd ? GoLive(*subscriber) : Complete(*subscriber);
  }
  if (!AwaitRoom(*subscriber, options_.outbox_bytes_max / 2)) return;
  if (const Committed* recent = FindRecent(side.cursor + 1)) {
    // One block at a time, between which the others have their turn.
    if (CatchUpWith(*subscriber, *recent)) Post([this, subscriber] { CatchUp(subscriber); });
    return;
  }
  side.reading = true;
  const size_t bytes = std::min(options_.read_bytes, options_.outbox_bytes_max / 2);
  reader_.Read(side.cursor, bytes, [this, subscriber](absl::StatusOr<log::EventBlockPtr> block) {
    Post([this, subscriber, block = std::move(block)]() mutable {
      OnRead(subscriber, std::move(block));
    });
  });
}

uint64_t Dispatcher::PlaceOf(const Subscriber::DispatcherSide& side) const {
  return side.state == State::kLive ? std::max(dispatched_, side.cursor) : side.cursor;
}

uint64_t Dispatcher::CatchUpEnd(const Subscriber::DispatcherSide& side) const {
  return side.until == Subscriber::kNoEnd ? dispatched_ : side.until;
}

const Dispatcher::Committed* Dispatcher::FindRecent(uint64_t sequence) const {
  const auto found = std::partition_point(
      recent_.begin(), recent_.end(),
      [sequence](const Committed& c) { return c.block->last_sequence() < sequence; });
  if (found == recent_.end() || found->block->first_sequence() > sequence) return nullptr;
  return &*found;
}

bool Dispatcher::AwaitRoom(Subscriber& subscriber, size_t room_below) {
  subscriber.room_below = room_below;
  subscriber.wants_room = true;
  // The writer may have emptied it before it could see the wish.
  if (!subscriber.HasWantedRoom()) return false;
  subscriber.wants_room = false;
  return true;
}

void Dispatcher::OnRead(const SubscriberPtr& subscriber, absl::StatusOr<log::EventBlockPtr> block) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  side.reading = false;
  if (side.state != State::kCatchingUp) return;
  if (absl::IsOutOfRange(block.status())) {
    SkipTrimmed(*subscriber);
  } else if (!block.ok()) {
    return End(*subscriber, block.status());
  } else if (*block != nullptr) {
    // A step may end where a subscription begins.
    do {
      if (!CatchUpWith(*subscriber, {*block, absl::InfinitePast()})) return;
      BeginAwaited(*subscriber);
    } while (side.state == State::kCatchingUp &&
             side.cursor < std::min((*block)->last_sequence(), CatchUpEnd(side)));
  }
  CatchUp(subscriber);
}

bool Dispatcher::CatchUpWith(Subscriber& subscriber, const Committed& committed) {
  const log::EventBlock& block = *committed.block;
  Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  Deliveries found;
  found.block = committed.block;
  found.committed_at = committed.at;
  uint64_t end = std::min(block.last_sequence(), CatchUpEnd(side));
  // The next subscription begins there, within this block perhaps.
  if (!side.awaited_in_order.empty()) end = std::min(end, side.awaited_in_order.front().place);
  for (uint64_t i = side.cursor + 1 - block.first_sequence(); i <= end - block.first_sequence();
       ++i) {
    wire::EventView event;
    if (!wire::ParseEvent(wire::EventOfRecord(block.record(i)), &event)) continue;
    const auto slots = table_.MatchFor(subscriber, block.first_sequence() + i, event);
    if (slots.empty()) continue;
    found.AddEvent(static_cast<uint32_t>(i));
    if (subscriber.kind == StreamKind::kSubscribe) {
      for (uint32_t slot : slots) found.AddId(table_.at(slot).id);
    }
  }
  if (!found.events.empty()) {
    const uint64_t last = block.first_sequence() + found.events.back();
    const auto events = static_cast<int64_t>(found.events.size());
    if (subscriber.outbox.Push(std::move(found)) == Outbox::Verdict::kFull) {
      // It fits when all before it has been written.
      if (AwaitRoom(subscriber, 0)) {
        Post([this, stream = streams_.at(&subscriber)] { CatchUp(stream); });
      }
      return false;
    }
    side.told = last;
    stats_.events_queued += events;
    subscriber.TellFilled();
  }
  side.cursor = end;
  return true;
}

void Dispatcher::SkipTrimmed(Subscriber& subscriber) {
  Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  const uint64_t until = std::min(log_->bounds().first_sequence - 1, CatchUpEnd(side));
  if (until <= side.cursor) return;
  v1::Gap gap;
  gap.set_after(log::PositionString({log_->epoch(), side.cursor}));
  gap.set_until(log::PositionString({log_->epoch(), until}));
  gap.set_reason(v1::Gap::REASON_RETENTION);
  gap.set_event_count(static_cast<int64_t>(until - side.cursor));
  side.cursor = until;
  side.told = until;
  ++stats_.gaps;
  PutGap(subscriber, gap);
}

void Dispatcher::GoLive(Subscriber& subscriber) {
  SetState(subscriber, State::kLive);
  PutProgress(subscriber, PlaceOf(subscriber.dispatcher_side), true);
}

void Dispatcher::Complete(Subscriber& subscriber) {
  PutProgress(subscriber, subscriber.dispatcher_side.cursor, false);
  if (subscriber.dispatcher_side.state == State::kEnded) return;
  RemoveSubscriptions(subscriber);
  SetState(subscriber, State::kComplete);
  subscriber.TellComplete();
}

void Dispatcher::BeginAwaited(Subscriber& subscriber) {
  Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  std::vector<int64_t> added;
  while (!side.awaited_in_order.empty() && side.awaited_in_order.front().place <= side.cursor) {
    const auto [place, id] = side.awaited_in_order.front();
    side.awaited_in_order.pop_front();
    const auto found = side.awaited.find(id);
    // Else it was removed, and may have been added anew.
    if (found == side.awaited.end() || found->second.place != place) continue;
    table_.SetAfter(side.slots.at(id), std::max(side.cursor, found->second.after));
    side.awaited.erase(found);
    added.push_back(id);
  }
  if (!added.empty()) TellPlace(subscriber);
  PutAdded(subscriber, added);
}

}  // namespace carillon::delivery
