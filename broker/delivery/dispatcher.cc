#include "broker/delivery/dispatcher.h"

#include <algorithm>
#include <utility>

#include "broker/log/position.h"
#include "carillon/wire/error.h"

namespace carillon::delivery {
namespace {

using State = Subscriber::State;

absl::Status StreamTooSlow() {
  return wire::Error(absl::StatusCode::kResourceExhausted, "STREAM_NOT_READ",
                     "the client does not read its stream; come back after the last position, "
                     "and read faster or ask for less");
}

}  // namespace

Dispatcher::Dispatcher(const log::EventLog* log, DispatcherOptions options)
    : log_(log), options_(options), places_(options.streams_max), reader_(log) {}

Dispatcher::~Dispatcher() {
  Stop(wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the broker is shutting down"));
}

void Dispatcher::Start() {
  dispatched_ = log_->bounds().last_sequence;
  thread_ = std::thread([this] { Run(); });
}

void Dispatcher::Stop(const absl::Status& status) {
  {
    // Together, so that no stream is opened behind the end of all.
    absl::MutexLock lock(&mu_);
    if (!stopping_) {
      commands_.emplace_back([this, status] {
        for (const auto& [subscriber, owner] : streams_) End(*subscriber, status);
      });
    }
    stopping_ = true;
  }
  if (thread_.joinable()) thread_.join();
  reader_.Stop();
}

bool Dispatcher::Post(Command command) {
  absl::MutexLock lock(&mu_);
  if (stopping_) return false;
  commands_.push_back(std::move(command));
  return true;
}

void Dispatcher::OnCommitted(std::vector<log::EventBlockPtr> blocks, log::CommitOn thread) {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mu_);
  if (thread == log::CommitOn::kOwnThread) {
    mu_.Await(absl::Condition(this, &Dispatcher::HasRoom));
  } else if (!dispatching_ && !HasWork()) {
    dispatching_ = left_to_caller_ = true;
  }
  for (log::EventBlockPtr& block : blocks) {
    committed_bytes_ += block->bytes();
    committed_.push_back({std::move(block), now});
  }
  stats_.queue_bytes = static_cast<int64_t>(committed_bytes_);
}

void Dispatcher::DispatchNow() {
  Turn turn;
  {
    absl::MutexLock lock(&mu_);
    if (!std::exchange(left_to_caller_, false)) return;
    turn = TakeTurn();
  }
  Do(std::move(turn));
  Yield();
}

bool Dispatcher::HasRoom() const {
  return stopping_ || committed_bytes_ < options_.queue_bytes_max;
}

bool Dispatcher::HasWork() const {
  return !dispatching_ && (stopping_ || !commands_.empty() || !committed_.empty());
}

// Commands are few and short, blocks many: all commands that wait are run before each block, so
// that a subscription or a withdrawn right never waits for a backlog of events.
Dispatcher::Turn Dispatcher::TakeTurn() {
  dispatching_ = true;
  Turn turn;
  turn.commands.swap(commands_);
  turn.is_last = stopping_;
  if (!committed_.empty()) {
    turn.committed = std::move(committed_.front());
    committed_.pop_front();
    committed_bytes_ -= turn.committed.block->bytes();
  }
  stats_.queue_bytes = static_cast<int64_t>(committed_bytes_);
  return turn;
}

void Dispatcher::Yield() {
  absl::MutexLock lock(&mu_);
  dispatching_ = false;
}

void Dispatcher::Do(Turn turn) {
  for (Command& command : turn.commands) command();
  if (!turn.is_last && turn.committed.block != nullptr) DispatchLive(turn.committed);
}

void Dispatcher::Run() {
  absl::Time next_progress = absl::Now() + options_.progress_interval;
  while (true) {
    Turn turn;
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithDeadline(absl::Condition(this, &Dispatcher::HasWork), next_progress);
      mu_.Await(absl::Condition(this, &Dispatcher::IsIdle));
      turn = TakeTurn();
    }
    const bool is_last = turn.is_last;
    Do(std::move(turn));
    if (is_last) return;
    if (absl::Now() >= next_progress) {
      Tick();
      next_progress = absl::Now() + options_.progress_interval;
    }
    Yield();
  }
}

void Dispatcher::DispatchLive(const Committed& committed) {
  const log::EventBlock& block = *committed.block;
  if (table_.size() > 0) {
    for (uint32_t i = 0; i < block.size(); ++i) {
      wire::EventView event;
      // The broker encoded it itself.
      if (!wire::ParseEvent(wire::EventOfRecord(block.record(i)), &event)) continue;
      for (uint32_t slot : table_.Match(block.first_sequence() + i, event)) {
        const SubscriptionTable::Subscription& subscription = table_.at(slot);
        Subscriber& subscriber = *subscription.subscriber;
        if (subscriber.dispatcher_side.state != State::kLive) continue;
        Stage(subscriber, committed, i, subscription.id);
      }
    }
  }
  for (Subscriber* subscriber : dirty_) FlushStaged(*subscriber, block);
  dirty_.clear();
  dispatched_ = block.last_sequence();
  KeepRecent(committed);
  stats_.events_dispatched += static_cast<int64_t>(block.size());
}

void Dispatcher::Stage(Subscriber& subscriber, const Committed& committed, uint32_t event,
                       int64_t id) {
  Deliveries& staged = subscriber.dispatcher_side.staged;
  if (staged.block == nullptr) {
    staged.block = committed.block;
    staged.committed_at = committed.at;
    dirty_.push_back(&subscriber);
  }
  if (staged.events.empty() || staged.events.back() != event) staged.AddEvent(event);
  if (subscriber.kind == StreamKind::kSubscribe) staged.AddId(id);
}

void Dispatcher::FlushStaged(Subscriber& subscriber, const log::EventBlock& block) {
  Deliveries staged = std::exchange(subscriber.dispatcher_side.staged, Deliveries());
  const uint64_t last = block.first_sequence() + staged.events.back();
  const auto events = static_cast<int64_t>(staged.events.size());
  if (subscriber.outbox.Push(std::move(staged)) == Outbox::Verdict::kAccepted) {
    subscriber.dispatcher_side.told = last;
    stats_.events_queued += events;
    subscriber.TellFilled();
    return;
  }
  ++stats_.overflows;
  subscriber.dispatcher_side.cursor = block.first_sequence() - 1;
  SetState(subscriber, State::kCatchingUp);
  // The block becomes the newest of the recent ones only after this: its turn comes with the
  // command.
  Post([this, stream = streams_.at(&subscriber)] { CatchUp(stream); });
}

void Dispatcher::KeepRecent(const Committed& committed) {
  recent_.push_back(committed);
  recent_bytes_ += committed.block->bytes();
  while (recent_bytes_ > options_.recent_bytes_max && recent_.size() > 1) {
    recent_bytes_ -= recent_.front().block->bytes();
    recent_.pop_front();
  }
}

void Dispatcher::SetState(Subscriber& subscriber, State state) {
  State& current = subscriber.dispatcher_side.state;
  stats_.streams_catching_up += static_cast<int>(state == State::kCatchingUp) -
                                static_cast<int>(current == State::kCatchingUp);
  current = state;
}

// --- What goes into outboxes besides events ---

void Dispatcher::PutControl(Subscriber& subscriber, const google::protobuf::Message& response) {
  PutControl(subscriber, response.SerializeAsString());
}

void Dispatcher::PutControl(Subscriber& subscriber, std::string response) {
  if (subscriber.dispatcher_side.IsOver()) return;
  if (subscriber.outbox.PushControl(std::move(response)) == Outbox::Verdict::kFull) {
    return End(subscriber, StreamTooSlow());
  }
  subscriber.TellFilled();
}

template <typename Fill>
void Dispatcher::PutEither(Subscriber& subscriber, Fill fill) {
  if (subscriber.kind == StreamKind::kSubscribe) {
    v1::SubscribeResponse response;
    fill(response);
    PutControl(subscriber, response);
  } else {
    v1::WatchResponse response;
    fill(response);
    PutControl(subscriber, response);
  }
}

void Dispatcher::PutAdded(Subscriber& subscriber, absl::Span<const int64_t> ids) {
  if (ids.empty() || subscriber.kind == StreamKind::kWatch) return;
  const Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  v1::SubscribeResponse added;
  added.mutable_added()->mutable_subscription_ids()->Add(ids.begin(), ids.end());
  if (side.state != State::kWaiting) {
    added.mutable_added()->set_position(log::PositionString({log_->epoch(), PlaceOf(side)}));
  }
  PutControl(subscriber, added);
}

void Dispatcher::PutProgress(Subscriber& subscriber, uint64_t sequence, bool live) {
  v1::Progress progress;
  progress.set_position(log::PositionString({log_->epoch(), sequence}));
  progress.set_live(live);
  subscriber.dispatcher_side.told = sequence;
  PutEither(subscriber, [&](auto& response) { *response.mutable_progress() = progress; });
}

void Dispatcher::PutGap(Subscriber& subscriber, const v1::Gap& gap) {
  PutEither(subscriber, [&](auto& response) { *response.mutable_gap() = gap; });
}

void Dispatcher::TellPlace(Subscriber& subscriber) {
  const Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  const bool live = side.state == State::kLive;
  if (!live && side.state != State::kCatchingUp) return;
  const uint64_t place = PlaceOf(side);
  if (side.told < place) PutProgress(subscriber, place, live);
}

void Dispatcher::Tick() {
  const absl::Time now = absl::Now();
  for (const auto& [subscriber, owner] : streams_) {
    if (subscriber->dispatcher_side.state != State::kEnded) {
      if (IsStalled(*subscriber, now)) End(*subscriber, StreamTooSlow());
    } else if (std::exchange(subscriber->dispatcher_side.end_overdue, true)) {
      subscriber->TellCutOff();
    }
  }
  SendProgress();
}

bool Dispatcher::IsStalled(Subscriber& subscriber, absl::Time now) const {
  Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  const int64_t taken = subscriber.outbox.taken();
  if (subscriber.outbox.idle() || taken != side.taken) {
    side.taken = taken;
    side.stalled_since = absl::InfiniteFuture();
    return false;
  }
  side.stalled_since = std::min(side.stalled_since, now);
  return now - side.stalled_since >= options_.stall_timeout;
}

void Dispatcher::SendProgress() {
  for (const auto& [subscriber, owner] : streams_) {
    if (subscriber->outbox.bytes() == 0) TellPlace(*subscriber);
  }
}

}  // namespace carillon::delivery
