// What streams and sessions ask of the dispatcher: each public call posts a command, which
// is run as Do….
#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "broker/delivery/dispatcher.h"
#include "broker/log/position.h"
#include "carillon/wire/error.h"

namespace carillon::delivery {

namespace {

// A facade's: for whom it may hold sessions is asked anew when it resumes them.
absl::Status OwnRightsChanged() {
  return wire::Error(absl::StatusCode::kAborted, "OWN_RIGHTS_CHANGED",
                     "the rights of the stream's own user have changed; open it anew");
}

bool HasChanged(const Subscriber::DispatcherSide::Reader& reader) {
  const access::SessionPtr session = reader.session.lock();
  return session == nullptr || session->scope() != reader.scope;
}

}  // namespace

using State = Subscriber::State;

SubscriberPtr Dispatcher::MakeSubscriber(StreamKind kind, access::SessionPtr session,
                                         StreamWriter* writer) {
  return std::make_shared<Subscriber>(kind, std::move(session), writer, options_.outbox_bytes_max,
                                      options_.message_bytes_max, &stats_.outbox_bytes,
                                      options_.outboxes_bytes_max);
}

absl::Status Dispatcher::Open(SubscriberPtr subscriber) {
  const std::string& principal = subscriber->session->principal();
  if (!places_.Take(principal)) {
    return wire::WithRetry(
        wire::Error(absl::StatusCode::kResourceExhausted, "STREAMS_MAX",
                    absl::StrCat("the broker serves at most ", options_.streams_max,
                                 " streams at a time, of which one user cannot take all; try "
                                 "again later")),
        absl::Seconds(1));
  }
  ++stats_.streams;
  if (!Post([this, subscriber] { DoOpen(subscriber); })) {
    --stats_.streams;
    places_.Leave(principal);
    return wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                       "the broker is shutting down");
  }
  return absl::OkStatus();
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
  places_.Leave(subscriber->session->principal());
  Post([this, subscriber = std::move(subscriber)] { DoClose(subscriber); });
}

void Dispatcher::DoOpen(const SubscriberPtr& subscriber) {
  streams_.emplace(subscriber.get(), subscriber);
  const access::Session& session = *subscriber->session;
  by_session_[&session].push_back(subscriber.get());
  if (subscriber->kind == StreamKind::kSubscribe) {
    by_owner_[session.principal()].insert(subscriber.get());
  }
  // It may have ended before the stream was known here.
  if (absl::Status end = session.end(); !end.ok()) End(*subscriber, end);
}

void Dispatcher::Forget(Subscriber& subscriber) {
  const access::Session& session = *subscriber.session;
  const auto of_session = by_session_.find(&session);
  auto& streams = of_session->second;
  streams.erase(std::find(streams.begin(), streams.end(), &subscriber));
  if (streams.empty()) by_session_.erase(of_session);
  if (subscriber.kind == StreamKind::kSubscribe) {
    const auto of_owner = by_owner_.find(session.principal());
    of_owner->second.erase(&subscriber);
    if (of_owner->second.empty()) by_owner_.erase(of_owner);
  }
  streams_.erase(&subscriber);
}

void Dispatcher::DoAdd(const SubscriberPtr& subscriber,
                       std::vector<NewSubscription>& subscriptions) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  if (side.IsOver()) return;
  // What is added begins at a place that the client knows: it can read what came before.
  if (side.state == State::kLive) TellPlace(*subscriber);
  std::vector<int64_t> added;
  for (NewSubscription& subscription : subscriptions) {
    if (side.IsOver()) return;
    const int64_t id = subscription.id;
    const absl::Status status = AddOne(subscriber, subscription);
    if (status.ok()) {
      added.push_back(id);
      continue;
    }
    // It has no other, and no word for it.
    if (subscriber->kind == StreamKind::kWatch) return End(*subscriber, status);
    v1::SubscribeResponse closed;
    closed.mutable_closed()->add_subscription_ids(id);
    *closed.mutable_closed()->mutable_error() = wire::ToRpcStatus(status);
    PutControl(*subscriber, closed);
  }
  if (side.state == State::kCatchingUp) return BeginAwaited(*subscriber);
  PutAdded(*subscriber, added);
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
  subscription.filter_bytes += kSubscriptionBytes;
  if (!TakeFilterBytes(side, subscription.filter_bytes)) {
    return wire::Error(
        absl::StatusCode::kResourceExhausted, "SUBSCRIPTIONS_MAX",
        absl::StrCat("the filters of a stream take at most ", options_.filter_bytes_per_stream_max,
                     " bytes, those of all ", options_.filter_bytes_max, ", with ",
                     kSubscriptionBytes, " for each"));
  }
  const absl::StatusOr<uint32_t> slot = Place(subscriber, subscription);
  if (!slot.ok()) {
    // Its end has given back all of the stream's.
    if (!side.IsOver()) GiveBackFilterBytes(side, subscription.filter_bytes);
    return slot.status();
  }
  side.slots.emplace(subscription.id, *slot);
  ++stats_.subscriptions;
  return absl::OkStatus();
}

bool Dispatcher::TakeFilterBytes(Subscriber::DispatcherSide& side, size_t bytes) {
  if (side.filter_bytes + bytes > options_.filter_bytes_per_stream_max ||
      filter_bytes_ + bytes > options_.filter_bytes_max) {
    return false;
  }
  side.filter_bytes += bytes;
  filter_bytes_ += bytes;
  return true;
}

void Dispatcher::GiveBackFilterBytes(Subscriber::DispatcherSide& side, size_t bytes) {
  side.filter_bytes -= bytes;
  filter_bytes_ -= bytes;
}

absl::StatusOr<uint32_t> Dispatcher::Place(const SubscriberPtr& subscriber,
                                           NewSubscription& subscription) {
  Subscriber::DispatcherSide& side = subscriber->dispatcher_side;
  const bool own = subscription.session == nullptr;
  const access::SessionPtr& session = own ? subscriber->session : subscription.session;
  const access::ScopePtr scope = session->scope();
  if (scope == nullptr) return session->end();
  if (!own && subscription.opened_by != subscriber->session->scope()) {
    End(*subscriber, OwnRightsChanged());
    return OwnRightsChanged();
  }
  if (!subscription.scope_id.empty() && scope->id() != subscription.scope_id) {
    return ScopeChanged();
  }
  uint64_t after = PlaceOf(side);
  if (!subscription.after.empty()) {
    const absl::StatusOr<uint64_t> own_after =
        ResolvePosition(subscription.after, "after", "leave it empty");
    if (!own_after.ok()) return own_after.status();
    after = std::max(after, *own_after);
  }
  if (side.state == State::kCatchingUp) {
    const uint64_t place = std::min(dispatched_, side.until);
    side.awaited[subscription.id] = {place, after};
    side.awaited_in_order.push_back({place, subscription.id});
    after = Subscriber::kNoEnd;
  }
  SubscriptionTable::Subscription entry;
  entry.subscriber = subscriber.get();
  entry.id = subscription.id;
  entry.own = own;
  entry.filter = std::move(subscription.filter);
  entry.filter_bytes = static_cast<uint32_t>(subscription.filter_bytes);
  entry.after = after;
  if (!own && (side.state == State::kWaiting || side.until != Subscriber::kNoEnd)) {
    side.readers[subscription.id] = {session, scope};
  }
  return table_.Add(std::move(entry), scope);
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
    GiveBackFilterBytes(side, table_.at(found->second).filter_bytes);
    table_.Remove(found->second);
    side.slots.erase(found);
    side.readers.erase(id);
    --stats_.subscriptions;
  }
  ForgetPlaces(side);
  PutAdded(*subscriber, never_begun);
  PutControl(*subscriber, removed);
}

// Else one who adds and removes without end would make it grow without end.
void Dispatcher::ForgetPlaces(Subscriber::DispatcherSide& side) {
  constexpr size_t kSpare = 1'000;
  if (side.awaited_in_order.size() <= 2 * side.awaited.size() + kSpare) return;
  std::erase_if(side.awaited_in_order, [&side](const auto& entry) {
    const auto found = side.awaited.find(entry.id);
    return found == side.awaited.end() || found->second.place != entry.place;
  });
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

absl::Status Dispatcher::ScopeChanged() {
  return wire::Error(absl::StatusCode::kAborted, "SCOPE_CHANGED",
                     "the session's scope has changed; a session_change tells the new one");
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
  if (side.until == Subscriber::kNoEnd) {
    std::exchange(side.readers, {});
  } else if (std::any_of(side.readers.begin(), side.readers.end(),
                         [](const auto& reader) { return HasChanged(reader.second); })) {
    return End(*subscriber, ScopeChanged());
  }
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
  Forget(*subscriber);
}

void Dispatcher::RemoveSubscriptions(Subscriber& subscriber) {
  auto& slots = subscriber.dispatcher_side.slots;
  for (const auto& [id, slot] : slots) table_.Remove(slot);
  stats_.subscriptions -= static_cast<int64_t>(slots.size());
  slots.clear();
  GiveBackFilterBytes(subscriber.dispatcher_side, subscriber.dispatcher_side.filter_bytes);
  subscriber.dispatcher_side.awaited.clear();
  subscriber.dispatcher_side.awaited_in_order.clear();
  std::exchange(subscriber.dispatcher_side.readers, {});
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
    // Only now, so that what a client is told of the change is true of all events before it.
    for (const access::SessionPtr& session : sessions) session->ReleaseFormerScope();
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
  const std::string encoded = change.SerializeAsString();
  if (const auto own = by_session_.find(session.get()); own != by_session_.end()) {
    for (Subscriber* subscriber : own->second) ChangeOwn(*subscriber, scope);
  }
  if (session->owner.empty()) return;
  if (const auto facade = by_owner_.find(session->owner); facade != by_owner_.end()) {
    for (Subscriber* subscriber : facade->second) {
      TellFacade(*subscriber, session, scope, encoded);
    }
  }
}

void Dispatcher::ChangeOwn(Subscriber& subscriber, const access::ScopePtr& scope) {
  if (subscriber.dispatcher_side.state == State::kEnded) return;
  if (scope == nullptr) return End(subscriber, subscriber.session->end());
  const auto& slots = subscriber.dispatcher_side.slots;
  if (std::any_of(slots.begin(), slots.end(),
                  [this](const auto& slot) { return !table_.at(slot.second).own; })) {
    return End(subscriber, OwnRightsChanged());
  }
  for (const auto& [id, slot] : slots) table_.SetScope(slot, scope);
}

void Dispatcher::TellFacade(Subscriber& subscriber, const access::SessionPtr& session,
                            const access::ScopePtr& scope, const std::string& change) {
  const Subscriber::DispatcherSide& side = subscriber.dispatcher_side;
  if (side.state == State::kEnded) return;
  if (side.until == Subscriber::kNoEnd) {
    TellPlace(subscriber);
    return PutControl(subscriber, change);
  }
  const bool breaks =
      std::any_of(side.readers.begin(), side.readers.end(), [&session, &scope](const auto& reader) {
        return reader.second.session.lock() == session && reader.second.scope != scope;
      });
  if (breaks) End(subscriber, ScopeChanged());
}

}  // namespace carillon::delivery
