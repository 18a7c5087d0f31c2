#include "broker/delivery/dispatcher.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "broker/log/position.h"
#include "carillon/wire/error.h"

namespace carillon::delivery {
namespace {

using State = Subscriber::State;

absl::Status StreamTooSlow() {
  return wire::Error(absl::StatusCode::kResourceExhausted, "STREAM_NOT_READ",
                     "the client does not read its stream; read faster, or ask for less");
}

}  // namespace

Dispatcher::Dispatcher(const log::EventLog* log, DispatcherOptions options)
    : log_(log), options_(options), reader_(log) {}

Dispatcher::~Dispatcher() {
  Stop(wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN", "the broker is shutting down"));
}

void Dispatcher::Start() {
  dispatched_ = log_->bounds().last_sequence;
  thread_ = std::thread([this] { Run(); });
}

void Dispatcher::Stop(const absl::Status& status) {
  Post([this, status] {
    for (const auto& [subscriber, owner] : streams_) End(*subscriber, status);
  });
  {
    absl::MutexLock lock(&mu_);
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

void Dispatcher::OnCommitted(std::vector<log::EventBlockPtr> blocks) {
  const absl::Time now = absl::Now();
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(this, &Dispatcher::HasRoom));
  for (log::EventBlockPtr& block : blocks) {
    committed_bytes_ += block->bytes();
    committed_.push_back({std::move(block), now});
  }
  stats_.queue_bytes = static_cast<int64_t>(committed_bytes_);
}

bool Dispatcher::HasRoom() const {
  return stopping_ || committed_bytes_ < options_.queue_bytes_max;
}

bool Dispatcher::HasWork() const { return stopping_ || !commands_.empty() || !committed_.empty(); }

// Commands are few and short, blocks many: all commands that wait are run before each block, so
// that a subscription or a withdrawn right never waits for a backlog of events.
void Dispatcher::Run() {
  absl::Time next_progress = absl::Now() + options_.progress_interval;
  while (true) {
    std::deque<Command> commands;
    Committed committed;
    bool stopping;
    {
      absl::MutexLock lock(&mu_);
      mu_.AwaitWithDeadline(absl::Condition(this, &Dispatcher::HasWork), next_progress);
      commands.swap(commands_);
      stopping = stopping_;
      if (!committed_.empty()) {
        committed = std::move(committed_.front());
        committed_.pop_front();
        committed_bytes_ -= committed.block->bytes();
      }
      stats_.queue_bytes = static_cast<int64_t>(committed_bytes_);
    }
    for (Command& command : commands) command();
    if (stopping) return;
    if (committed.block != nullptr) DispatchLive(committed);
    if (absl::Now() >= next_progress) {
      Tick();
      next_progress = absl::Now() + options_.progress_interval;
    }
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

// --- Catching up ---

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
  } else if (*block != nullptr && !CatchUpWith(*subscriber, {*block, absl::InfinitePast()})) {
    return;
  }
  CatchUp(subscriber);
}

bool Dispatcher::CatchUpWith(Subscriber& subscriber, const Committed& committed) {
  const log::EventBlock& block = *committed.block;
  Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  Deliveries found;
  found.block = committed.block;
  found.committed_at = committed.at;
  const uint64_t end = std::min(block.last_sequence(), CatchUpEnd(side));
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
  if (subscriber.kind == StreamKind::kSubscribe) {
    v1::SubscribeResponse response;
    *response.mutable_gap() = gap;
    PutControl(subscriber, response);
  } else {
    v1::WatchResponse response;
    *response.mutable_gap() = gap;
    PutControl(subscriber, response);
  }
}

void Dispatcher::GoLive(Subscriber& subscriber) {
  SetState(subscriber, State::kLive);
  PutProgress(subscriber, std::max(dispatched_, subscriber.dispatcher_side.cursor), true);
}

void Dispatcher::Complete(Subscriber& subscriber) {
  PutProgress(subscriber, subscriber.dispatcher_side.cursor, false);
  if (subscriber.dispatcher_side.state == State::kEnded) return;
  RemoveSubscriptions(subscriber);
  SetState(subscriber, State::kComplete);
  subscriber.TellComplete();
}

// --- Commands ---

absl::StatusOr<SubscriberPtr> Dispatcher::Open(StreamKind kind, access::SessionPtr session,
                                               StreamWriter* writer) {
  if (stats_.streams.fetch_add(1) >= static_cast<int64_t>(options_.streams_max)) {
    --stats_.streams;
    return wire::WithRetry(
        wire::Error(absl::StatusCode::kResourceExhausted, "STREAMS_MAX",
                    absl::StrCat("the broker serves at most ", options_.streams_max,
                                 " streams at a time; try again later")),
        absl::Seconds(1));
  }
  auto subscriber =
      std::make_shared<Subscriber>(kind, std::move(session), writer, options_.outbox_bytes_max,
                                   options_.message_bytes_max, &stats_.outbox_bytes);
  if (!Post([this, subscriber] { streams_.emplace(subscriber.get(), subscriber); })) {
    --stats_.streams;
    return wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                       "the broker is shutting down");
  }
  return subscriber;
}

void Dispatcher::Add(SubscriberPtr subscriber, std::vector<NewSubscription> subscriptions) {
  Post([this, subscriber = std::move(subscriber),
        subscriptions = std::move(subscriptions)]() mutable {
    DoAdd(subscriber, subscriptions);
    subscriber->TellCommandDone();
  });
}

void Dispatcher::Remove(SubscriberPtr subscriber, std::vector<int64_t> ids) {
  Post([this, subscriber = std::move(subscriber), ids = std::move(ids)] {
    DoRemove(subscriber, ids);
    subscriber->TellCommandDone();
  });
}

void Dispatcher::StartDelivery(SubscriberPtr subscriber, const v1::StartDelivery& delivery) {
  Post([this, subscriber = std::move(subscriber), delivery] {
    DoStart(subscriber, delivery);
    subscriber->TellCommandDone();
  });
}

void Dispatcher::Respond(SubscriberPtr subscriber, const v1::SubscribeResponse& response) {
  Post([this, subscriber = std::move(subscriber), response] { PutControl(*subscriber, response); });
}

void Dispatcher::RoomAvailable(SubscriberPtr subscriber) {
  Post([this, subscriber = std::move(subscriber)] { CatchUp(subscriber); });
}

void Dispatcher::Close(SubscriberPtr subscriber) {
  --stats_.streams;
  Post([this, subscriber = std::move(subscriber)] { DoClose(subscriber); });
}

void Dispatcher::DoAdd(const SubscriberPtr& subscriber,
                       std::vector<NewSubscription>& subscriptions) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  if (side.IsOver()) return;
  // What is added begins at a place that the client knows: it can read what came before.
  if (side.state == State::kLive) TellPlace(*subscriber);
  std::vector<int64_t> added;
  for (NewSubscription& subscription : subscriptions) {
    const int64_t id = subscription.id;
    const absl::Status status = AddOne(subscriber, subscription);
    if (status.ok()) {
      added.push_back(id);
      continue;
    }
    v1::SubscribeResponse closed;
    closed.mutable_closed()->add_subscription_ids(id);
    *closed.mutable_closed()->mutable_error() = wire::ToRpcStatus(status);
    PutControl(*subscriber, closed);
  }
  if (side.state == State::kCatchingUp) return BeginAwaited(*subscriber);
  PutAdded(*subscriber, added);
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

void Dispatcher::PutAdded(Subscriber& subscriber, absl::Span<const int64_t> ids) {
  if (ids.empty() || subscriber.kind == StreamKind::kWatch) return;
  const Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  v1::SubscribeResponse added;
  added.mutable_added()->mutable_subscription_ids()->Add(ids.begin(), ids.end());
  if (side.state != State::kWaiting) {
    const uint64_t place = side.state == State::kLive ? dispatched_ : side.cursor;
    added.mutable_added()->set_position(log::PositionString({log_->epoch(), place}));
  }
  PutControl(subscriber, added);
}

absl::Status Dispatcher::AddOne(const SubscriberPtr& subscriber, NewSubscription& subscription) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  if (side.slots.contains(subscription.id)) {
    return wire::Error(absl::StatusCode::kAlreadyExists, "SUBSCRIPTION_EXISTS",
                       absl::StrCat("the stream has a subscription with the id ", subscription.id,
                                    "; remove it first, or choose another id"));
  }
  if (side.slots.size() >= options_.subscriptions_per_stream_max) {
    return wire::Error(absl::StatusCode::kResourceExhausted, "SUBSCRIPTIONS_MAX",
                       absl::StrCat("a stream holds at most ",
                                    options_.subscriptions_per_stream_max, " subscriptions"));
  }
  const bool own = subscription.session == nullptr;
  const access::SessionPtr& session = own ? subscriber->session : subscription.session;
  const access::ScopePtr scope = session->scope();
  if (scope == nullptr) return session->end();
  if (!subscription.scope_id.empty() && scope->id() != subscription.scope_id) {
    return wire::Error(absl::StatusCode::kAborted, "SCOPE_CHANGED",
                       "the session's scope has changed; a session_change tells the new one");
  }
  uint64_t after = side.state == State::kLive ? dispatched_ : 0;
  if (!subscription.after.empty()) {
    const absl::StatusOr<uint64_t> own_after =
        ResolvePosition(subscription.after, "after", "leave it empty");
    if (!own_after.ok()) return own_after.status();
    after = std::max(after, *own_after);
  }
  if (side.state == State::kCatchingUp) {
    const uint64_t place = std::min(dispatched_, CatchUpEnd(side));
    side.awaited[subscription.id] = {place, after};
    side.awaited_in_order.push_back({place, subscription.id});
    after = Subscriber::kNoEnd;
  }
  SubscriptionTable::Subscription entry;
  entry.subscriber = subscriber.get();
  entry.id = subscription.id;
  entry.own = own;
  entry.filter = std::move(subscription.filter);
  entry.after = after;
  side.slots.emplace(subscription.id, table_.Add(std::move(entry), scope));
  ++stats_.subscriptions;
  return absl::OkStatus();
}

void Dispatcher::DoRemove(const SubscriberPtr& subscriber, const std::vector<int64_t>& ids) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  if (side.IsOver()) return;
  v1::SubscribeResponse removed;
  std::vector<int64_t> never_begun;
  for (int64_t id : ids) {
    removed.mutable_removed()->add_subscription_ids(id);
    if (side.awaited.erase(id) > 0) never_begun.push_back(id);
    const auto found = side.slots.find(id);
    if (found == side.slots.end()) continue;
    table_.Remove(found->second);
    side.slots.erase(found);
    --stats_.subscriptions;
  }
  PutAdded(*subscriber, never_begun);
  PutControl(*subscriber, removed);
}

absl::StatusOr<uint64_t> Dispatcher::ResolvePosition(absl::string_view position,
                                                     absl::string_view field,
                                                     absl::string_view hint) const {
  const absl::StatusOr<log::Position> decoded = log::DecodePosition(position);
  if (!decoded.ok() || decoded->epoch != log_->epoch() ||
      decoded->sequence > log_->bounds().last_sequence) {
    return wire::Error(absl::StatusCode::kInvalidArgument, "POSITION_INVALID",
                       absl::StrCat(field, ": not a position of this log; ", hint));
  }
  return decoded->sequence;
}

absl::StatusOr<uint64_t> Dispatcher::ResolveStart(const v1::StartPosition& start) const {
  const log::LogBounds bounds = log_->bounds();
  if (start.start_case() == v1::StartPosition::kEarliest && start.earliest()) {
    return bounds.first_sequence - 1;
  }
  if (start.start_case() != v1::StartPosition::kAfter) return bounds.last_sequence;
  const absl::StatusOr<uint64_t> after = ResolvePosition(
      start.after(), "start.after", "begin with earliest, or with none for what comes next");
  if (!after.ok()) return after.status();
  if (*after + 1 < bounds.first_sequence) {
    const std::string earliest = log::PositionString({log_->epoch(), bounds.first_sequence - 1});
    return wire::Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED",
                       absl::StrCat("start.after: events after this position are no longer kept; "
                                    "the log now begins after ",
                                    earliest),
                       {{"earliest", earliest}});
  }
  return *after;
}

absl::StatusOr<uint64_t> Dispatcher::ResolveUntil(absl::string_view until) const {
  if (until.empty()) return Subscriber::kNoEnd;
  return ResolvePosition(until, "until", "leave it empty for a stream without an end");
}

void Dispatcher::DoStart(const SubscriberPtr& subscriber, const v1::StartDelivery& delivery) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  if (side.IsOver()) return;
  if (side.state != State::kWaiting) {
    return End(*subscriber,
               wire::Error(absl::StatusCode::kFailedPrecondition, "ALREADY_STARTED",
                           "delivery on this stream has started; open another stream to "
                           "start elsewhere"));
  }
  const absl::StatusOr<uint64_t> after = ResolveStart(delivery.start());
  if (!after.ok()) return End(*subscriber, after.status());
  const absl::StatusOr<uint64_t> until = ResolveUntil(delivery.until());
  if (!until.ok()) return End(*subscriber, until.status());
  side.until = *until;
  side.cursor = *after;
  side.told = *after;
  SetState(*subscriber, State::kCatchingUp);
  // Else the first thing that CatchUp has to say is how far it is.
  if (*after < CatchUpEnd(side)) PutProgress(*subscriber, *after, false);
  if (*after >= dispatched_) {
    // What is committed but not dispatched yet lies before its start.
    for (const auto& [id, slot] : side.slots) {
      table_.SetAfter(slot, std::max(*after, table_.at(slot).after));
    }
  }
  CatchUp(subscriber);
}

void Dispatcher::DoClose(const SubscriberPtr& subscriber) {
  RemoveSubscriptions(*subscriber);
  SetState(*subscriber, State::kEnded);
  subscriber->outbox.Close();
  streams_.erase(subscriber.get());
}

void Dispatcher::RemoveSubscriptions(Subscriber& subscriber) {
  auto& slots = subscriber.dispatcher_side.slots;
  for (const auto& [id, slot] : slots) table_.Remove(slot);
  stats_.subscriptions -= static_cast<int64_t>(slots.size());
  slots.clear();
  subscriber.dispatcher_side.awaited.clear();
  subscriber.dispatcher_side.awaited_in_order.clear();
}

void Dispatcher::End(Subscriber& subscriber, const absl::Status& status) {
  if (subscriber.dispatcher_side.state == State::kEnded) return;
  RemoveSubscriptions(subscriber);
  SetState(subscriber, State::kEnded);
  subscriber.outbox.Close();
  subscriber.TellEnd(status);
}

void Dispatcher::OnSessionsChanged(const std::vector<access::SessionPtr>& sessions) {
  absl::Notification in_force;
  const bool posted = Post([this, &sessions, &in_force] {
    for (const access::SessionPtr& session : sessions) DoSessionChanged(session);
    in_force.Notify();
  });
  if (posted) in_force.WaitForNotification();
}

void Dispatcher::DoSessionChanged(const access::SessionPtr& session) {
  const access::ScopePtr scope = session->scope();
  v1::SubscribeResponse change;
  change.mutable_session_change()->set_session_id(session->id);
  if (scope != nullptr) {
    change.mutable_session_change()->set_scope(scope->id());
  } else {
    *change.mutable_session_change()->mutable_error() = wire::ToRpcStatus(session->end());
  }
  for (const auto& [subscriber, owner] : streams_) {
    if (subscriber->dispatcher_side.state == State::kEnded) continue;
    if (subscriber->session == session) {
      if (scope == nullptr) {
        End(*subscriber, session->end());
        continue;
      }
      for (const auto& [id, slot] : subscriber->dispatcher_side.slots) {
        if (table_.at(slot).own) table_.SetScope(slot, scope);
      }
    } else if (!session->owner.empty() && subscriber->kind == StreamKind::kSubscribe &&
               subscriber->session->principal() == session->owner) {
      TellPlace(*subscriber);
      PutControl(*subscriber, change);
    }
  }
}

// --- What goes into outboxes besides events ---

void Dispatcher::PutControl(Subscriber& subscriber, const google::protobuf::Message& response) {
  if (subscriber.dispatcher_side.IsOver()) return;
  if (subscriber.outbox.PushControl(response.SerializeAsString()) == Outbox::Verdict::kFull) {
    return End(subscriber, StreamTooSlow());
  }
  subscriber.TellFilled();
}

void Dispatcher::PutProgress(Subscriber& subscriber, uint64_t sequence, bool live) {
  v1::Progress progress;
  progress.set_position(log::PositionString({log_->epoch(), sequence}));
  progress.set_live(live);
  subscriber.dispatcher_side.told = sequence;
  if (subscriber.kind == StreamKind::kSubscribe) {
    v1::SubscribeResponse response;
    *response.mutable_progress() = progress;
    PutControl(subscriber, response);
  } else {
    v1::WatchResponse response;
    *response.mutable_progress() = progress;
    PutControl(subscriber, response);
  }
}

void Dispatcher::TellPlace(Subscriber& subscriber) {
  const Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  const bool live = side.state == State::kLive;
  if (!live && side.state != State::kCatchingUp) return;
  const uint64_t place = live ? dispatched_ : side.cursor;
  if (side.told < place) PutProgress(subscriber, place, live);
}

void Dispatcher::Tick() {
  for (const auto& [subscriber, owner] : streams_) {
    if (subscriber->dispatcher_side.state != State::kEnded) continue;
    if (std::exchange(subscriber->dispatcher_side.end_overdue, true)) subscriber->TellCutOff();
  }
  SendProgress();
}

void Dispatcher::SendProgress() {
  for (const auto& [subscriber, owner] : streams_) {
    if (subscriber->outbox.bytes() == 0) TellPlace(*subscriber);
  }
}

}  // namespace carillon::delivery
