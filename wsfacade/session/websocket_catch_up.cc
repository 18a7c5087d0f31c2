// How a websocket that has fallen behind is caught up; see CatchUp for the order of things.
//
// What is given goes into the outbox as long as there is room; when there is none, OnRoom tells
// once half of it is free. Answers to commands do not wait for the events: a register that is
// acknowledged meanwhile receives what is handed out after it, held or replayed, and nothing
// earlier; a deregister is in force at once, for what is held or still to be replayed too.
#include <algorithm>
#include <memory>
#include <utility>

#include "deploy/program/logging.h"
#include "wsfacade/session/behind.h"
#include "wsfacade/session/websocket_session.h"

namespace carillon::facade {
namespace {

using program::Level;

constexpr absl::Duration kRetryMax = absl::Seconds(5);
// Lines a second, of each kind.
constexpr int kLogLimit = 10;

}  // namespace

WebsocketSession::~WebsocketSession() = default;

void WebsocketSession::FallBehind() {
  const size_t room = limits_->outbox_bytes_max / 2;
  const absl::Time now = connection_->thread().now();
  behind_ = std::make_unique<Behind>(fan_out_->reached(), room, now);
  behind_->taken = connection_->taken_bytes();
  fan_out_->counts.lagging.Add(1);
  connection_->AwaitRoom(room);
  ArmDeadline();
  static program::LimitedLog log_behind(kLogLimit);
  log_behind.Log(Level::kInfo, "websocket has fallen behind",
                 {{"peer", connection_->peer()}, {"principal", lease_.principal()}});
}

void WebsocketSession::ReadFromLog() {
  // What a replay still brings was matched for other subscriptions.
  if (behind_ != nullptr) return BeginAgain(absl::ZeroDuration());
  FallBehind();
  GoOn();
}

void WebsocketSession::StopCatchingUp() {
  if (behind_ == nullptr) return;
  fan_out_->counts.lagging.Add(-1);
  behind_ = nullptr;
}

void WebsocketSession::HaveCaughtUp() {
  static program::LimitedLog log_caught_up(kLogLimit);
  log_caught_up.Log(
      Level::kInfo, "websocket has caught up",
      {{"peer", connection_->peer()},
       {"principal", lease_.principal()},
       {"replays", behind_->rounds},
       {"seconds", absl::ToDoubleSeconds(connection_->thread().now() - behind_->since)}});
  StopCatchingUp();
  ArmDeadline();
}

bool WebsocketSession::IsStalled() {
  if (behind_ == nullptr) return false;
  const absl::Time now = connection_->thread().now();
  const int64_t taken = connection_->taken_bytes();
  if (connection_->outbox().empty() || taken > behind_->taken) {
    behind_->taken = taken;
    behind_->taken_at = now;
    return false;
  }
  return now - behind_->taken_at >= limits_->stall_timeout;
}

bool WebsocketSession::Hold(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) {
  const absl::string_view bytes = frames->bytes();
  return behind_->catch_up.Hold(bytes.substr(begin, end - begin), fan_out_->reached());
}

void WebsocketSession::OnRoom() { GoOn(); }

void WebsocketSession::GoOn() {
  if (behind_ == nullptr || close_soon_) return;
  CatchUp& catch_up = behind_->catch_up;
  const size_t room = limits_->outbox_bytes_max / 2;
  if (!GiveReplayed()) {
    // A frame of more than half an outbox needs more room, or all of it.
    const size_t frame = std::min(catch_up.NextFrame()->size(), limits_->outbox_bytes_max);
    connection_->AwaitRoom(std::min(room, limits_->outbox_bytes_max - frame));
    return MakeWay();
  }
  if (catch_up.is_replaying()) return;
  if (connection_->outbox().size_bytes() > room) return connection_->AwaitRoom(room);
  if (catch_up.in_round()) {
    GiveHeld();
    return catch_up.caught_up() ? HaveCaughtUp() : GoOn();
  }
  if (behind_->ticket || behind_->pausing) return;
  const auto served = RegistrationsToReplay();
  if (!served.has_value()) return;
  if (served->empty()) return HaveCaughtUp();
  behind_->ticket = fan_out_->RequestReplay(this);
}

void WebsocketSession::MakeWay() {
  if (behind_ == nullptr || !behind_->catch_up.has_frames()) return;
  if (fan_out_->ReplaysAreCrowded()) StopReplay();
}

bool WebsocketSession::GiveReplayed() {
  CatchUp& catch_up = behind_->catch_up;
  if (!catch_up.has_frames()) return true;
  const Outbox& outbox = connection_->outbox();
  int64_t count = 0;
  int64_t bytes = 0;
  std::optional<CatchUp::Frame> frame;
  while ((frame = catch_up.NextFrame()).has_value() &&
         (outbox.empty() || outbox.size_bytes() + frame->size() <= limits_->outbox_bytes_max)) {
    connection_->Send(catch_up.frames(), frame->begin, frame->end);
    ++count;
    bytes += static_cast<int64_t>(frame->size());
    catch_up.Skip();
  }
  fan_out_->counts.deliveries.Add(count);
  fan_out_->counts.delivered_bytes.Add(bytes);
  if (frame.has_value()) return false;
  if (catch_up.is_replaying()) behind_->ticket.Next();
  return true;
}

void WebsocketSession::GiveHeld() {
  SharedBytesPtr held(new SharedBytes(behind_->catch_up.EndRound()));
  if (!held->bytes().empty()) connection_->Send(held, 0, held->bytes().size());
}

// Replays.

std::optional<std::vector<const LocalSubscription*>> WebsocketSession::RegistrationsToReplay() {
  std::vector<const LocalSubscription*> served;
  for (const Registration& registration : registrations()) {
    if (!registration.subscription->live) {
      // Nothing is due to it before its acknowledgement.
      if (acks_.Awaits(registration.subscription)) continue;
      return std::nullopt;
    }
    served.push_back(registration.subscription);
  }
  return served;
}

client::ReplayOptions WebsocketSession::MakeReplay(
    const std::vector<const LocalSubscription*>& served) {
  client::ReplayOptions options;
  behind_->replay_ids.clear();
  for (const LocalSubscription* subscription : served) {
    v1::Subscription& request = options.subscriptions.emplace_back();
    request.set_subscription_id(static_cast<int64_t>(options.subscriptions.size()));
    request.mutable_filter()->ParseFromArray(subscription->filter.data(),
                                             static_cast<int>(subscription->filter.size()));
    request.set_session_id(lease_.id());
    request.set_scope(*subscription->scope);
    const auto begin = behind_->begin_after.find(subscription);
    if (begin != behind_->begin_after.end()) request.set_after(begin->second);
    behind_->replay_ids.emplace(subscription, request.subscription_id());
  }
  options.after = behind_->catch_up.after();
  options.until = std::string(fan_out_->reached());
  return options;
}

void WebsocketSession::OnReplayGranted() {
  const auto served = RegistrationsToReplay();
  if (!served.has_value() || served->empty()) {
    behind_->ticket = ReplayTicket();
    return GoOn();
  }
  client::ReplayOptions options = MakeReplay(*served);
  behind_->catch_up.BeginRound(options.until);
  ++behind_->rounds;
  behind_->ticket.Start(std::move(options));
}

void WebsocketSession::OnReplayed(std::shared_ptr<const EventFrames> frames) {
  behind_->retry = Behind::kRetryMin;
  behind_->catch_up.OnReplayed(std::move(frames));
  GoOn();
}

void WebsocketSession::OnReplayEnded(const absl::Status& status) {
  if (status.ok()) {
    behind_->ticket = ReplayTicket();
    behind_->catch_up.OnReplayEnded();
    return GoOn();
  }
  if (absl::IsOutOfRange(status) || absl::IsInvalidArgument(status)) {
    return OnLost(
        "events were lost: the broker's log no longer holds what this client has not read; connect "
        "and register again, and read faster");
  }
  // Aborted: its user's rights have changed, which is nothing to warn of.
  static program::LimitedLog log_broken(1);
  if (!absl::IsAborted(status)) {
    log_broken.Log(Level::kWarn, "a replay for a websocket broke",
                   {{"peer", connection_->peer()}, {"reason", status.message()}});
  }
  BeginAgain(behind_->retry);
  behind_->retry = std::min(behind_->retry * 2, kRetryMax);
}

void WebsocketSession::StopReplay() {
  behind_->ticket = ReplayTicket();
  behind_->catch_up.Abandon();
}

void WebsocketSession::BeginAgain(absl::Duration delay) {
  StopReplay();
  behind_->pausing = delay > absl::ZeroDuration();
  if (!behind_->pausing) return GoOn();
  connection_->thread().PostAfter(
      delay, [this, pause = ++behind_->pauses, connection = connection_->shared_from_this()] {
        if (behind_ == nullptr || behind_->pauses != pause) return;
        behind_->pausing = false;
        GoOn();
      });
}

// Registrations.

void WebsocketSession::BeginReplayingFor(const LocalSubscription* subscription) {
  if (behind_ == nullptr) return;
  behind_->begin_after[subscription] = std::string(fan_out_->reached());
}

void WebsocketSession::ForgetForReplay(const LocalSubscription* subscription,
                                       const LocalSubscription* moved) {
  if (behind_ == nullptr) return;
  auto begin = behind_->begin_after.extract(subscription);
  if (moved != nullptr) {
    if (!begin.empty()) behind_->begin_after[moved] = std::move(begin.mapped());
    return;
  }
  behind_->catch_up.DropHeld();
  const auto served = behind_->replay_ids.find(subscription);
  if (served == behind_->replay_ids.end()) return;
  behind_->catch_up.Remove(served->second);
  behind_->replay_ids.erase(served);
}

}  // namespace carillon::facade
