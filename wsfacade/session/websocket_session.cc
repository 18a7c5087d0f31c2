#include "wsfacade/session/websocket_session.h"

#include <algorithm>
#include <chrono>
#include <memory>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "deploy/program/logging.h"
#include "wsfacade/session/behind.h"
#include "wsfacade/ws/command.h"

namespace carillon::facade {
namespace {

using program::Level;
using program::Log;

absl::Time SteadyNow() {
  return absl::UnixEpoch() + absl::FromChrono(std::chrono::steady_clock::now().time_since_epoch());
}

}  // namespace

WebsocketSession::WebsocketSession(const WebsocketLimits* limits, CloseCounts* closes,
                                   FanOut* fan_out, SessionLease lease)
    : limits_(limits),
      closes_(closes),
      fan_out_(fan_out),
      lease_(std::move(lease)),
      decoder_(limits->message_bytes_max) {}

// The connection.

void WebsocketSession::OnStart(Connection* connection) {
  connection_ = connection;
  alive_due_ = connection->thread().now() + limits_->ping_interval;
  ArmDeadline();
  Log(Level::kInfo, "websocket open",
      {{"peer", connection->peer()}, {"principal", lease_.principal()}});
  lease_.Attach(this);
}

void WebsocketSession::OnBytes(absl::Span<char> bytes) {
  heard_ = true;
  pinged_ = false;
  // The decoder may have stopped within a frame.
  if (closing_ || close_soon_) return;
  if (decoder_.Feed(bytes, this) == FrameDecoder::Verdict::kFailed) {
    // Of the commands before the fault.
    SendAnswers();
    CloseWith(CloseReason::kProtocol, decoder_.error(), decoder_.error_reason());
    return;
  }
  if (!closing_) SendAnswers();
}

void WebsocketSession::OnEnd() {
  RemoveAll();
  connection_->CloseGracefully("the client ended the connection", limits_->close_timeout);
}

void WebsocketSession::OnDeadline() {
  if (IsStalled()) {
    return Close(CloseReason::kOutbox,
                 absl::StrCat("more than outbox-bytes-max, ", limits_->outbox_bytes_max,
                              " bytes, wait to be read, and nothing was read for stall-timeout, ",
                              absl::FormatDuration(limits_->stall_timeout)));
  }
  MakeWay();
  if (connection_->thread().now() < alive_due_ || CheckAlive()) ArmDeadline();
}

bool WebsocketSession::CheckAlive() {
  const absl::Time now = connection_->thread().now();
  if (pinged_) {
    // A client that reads slowly comes to the ping after what was sent before it.
    const int64_t taken = connection_->taken_bytes();
    if (pinged_taken_ >= ping_taken_at_ || taken <= pinged_taken_) {
      Close(CloseReason::kPingTimeout, absl::StrCat("no answer to a ping within pong-timeout, ",
                                                    absl::FormatDuration(limits_->pong_timeout)));
      return false;
    }
    pinged_taken_ = taken;
    alive_due_ = now + limits_->pong_timeout;
    return true;
  }
  if (std::exchange(heard_, false)) {
    alive_due_ = now + limits_->ping_interval;
    return true;
  }
  pinged_ = true;
  pinged_taken_ = connection_->taken_bytes();
  std::string ping;
  AppendFrame(Opcode::kPing, "", &ping);
  connection_->SendCopy(ping);
  ping_taken_at_ =
      connection_->sent_bytes() + static_cast<int64_t>(connection_->outbox().size_bytes());
  alive_due_ = now + limits_->pong_timeout;
  return true;
}

void WebsocketSession::ArmDeadline() {
  const absl::Duration wait =
      std::max(alive_due_ - connection_->thread().now(), absl::ZeroDuration());
  if (behind_ == nullptr) return connection_->SetDeadline(wait);
  // Often enough to notice a stall soon after its time, and to make way soon.
  connection_->SetDeadline(std::min({wait, limits_->stall_timeout / 8, absl::Seconds(1)}));
}

void WebsocketSession::OnDrain() { Close(CloseReason::kGoingAway, "the server is going away"); }

void WebsocketSession::OnClosed(absl::string_view why) {
  RemoveAll();
  closes_->Count(reason_);
  Log(Level::kInfo, "websocket closed",
      {{"peer", connection_->peer()},
       {"principal", lease_.principal()},
       {"code", static_cast<int>(close_code_)},
       {"reason", why.empty() ? CloseReasonName(reason_) : why}});
  lease_ = SessionLease();
}

// Frames.

bool WebsocketSession::OnMessage(Opcode opcode, absl::string_view payload) {
  if (!commands_.Take(limits_->commands, SteadyNow())) {
    // Of the commands before.
    SendAnswers();
    Close(CloseReason::kCommandRate,
          absl::StrCat("more than commands-per-second, ", limits_->commands.per_second));
    return false;
  }
  if (opcode == Opcode::kBinary) {
    AnswerError("", "a binary message; commands are text messages, as in \"register *.*.*\"");
  } else {
    OnCommand(payload);
  }
  CheckOutbox();
  return !closing_ && !close_soon_;
}

bool WebsocketSession::OnPing(absl::string_view payload) {
  std::string pong;
  AppendFrame(Opcode::kPong, payload, &pong);
  connection_->SendCopy(pong);
  CheckOutbox();
  return !closing_;
}

bool WebsocketSession::OnPong() { return true; }

void WebsocketSession::OnClose(CloseCode code, absl::string_view) {
  // Of the commands that came with the close frame.
  SendAnswers();
  CloseWith(CloseReason::kClient, code, "");
}

// Commands.

void WebsocketSession::OnCommand(absl::string_view text) {
  absl::StatusOr<Command> command = ParseCommand(text);
  if (!command.ok()) return AnswerError(text, command.status().message());
  if (command->verb == Verb::kRegister) {
    Register(std::move(command->filter), command->filter_text, text);
  } else {
    Deregister(command->filter, command->filter_text);
  }
}

void WebsocketSession::Register(std::string filter, absl::string_view filter_text,
                                absl::string_view text) {
  LocalSubscription* subscription = table().FindOf(*this, lease_.scope(), filter);
  const bool repeats = subscription != nullptr;
  if (!repeats) {
    if (registrations().size() >= limits_->registrations_max) {
      return RefuseOneTooMany(text, absl::StrCat("more than registrations-max, ",
                                                 limits_->registrations_max, ", registrations"));
    }
    if (registration_bytes_ + filter.size() > limits_->registration_bytes_max) {
      return RefuseOneTooMany(text, absl::StrCat("filters of more than registration-bytes-max, ",
                                                 limits_->registration_bytes_max, ", bytes"));
    }
    subscription = table().Register(this, lease_.scope(), filter);
    registration_bytes_ += static_cast<uint32_t>(filter.size());
    fan_out_->counts.registrations.Add(1);
    BeginReplayingFor(subscription);
  }
  Answer({.verb = Verb::kRegister,
          .text = std::string(filter_text),
          .error = absl::OkStatus(),
          .awaited = subscription,
          .repeats = repeats});
}

void WebsocketSession::RefuseOneTooMany(absl::string_view text, absl::string_view limit) {
  AnswerError(text, absl::StrCat(limit, "; deregister some before you register more"));
  CloseSoon(CloseReason::kRegistrations, limit);
}

void WebsocketSession::Deregister(const std::string& filter, absl::string_view filter_text) {
  LocalSubscription* subscription = table().FindOf(*this, lease_.scope(), filter);
  if (subscription != nullptr) {
    // Answers that waited for it are next to this one, and it no longer matters what the broker
    // says.
    acks_.Replace(subscription, nullptr);
    RemoveRegistration(subscription);
    GoOn();
  }
  // One that is not registered is acknowledged too: what was asked for holds.
  Answer({.verb = Verb::kDeregister,
          .text = std::string(filter_text),
          .error = absl::OkStatus(),
          .awaited = nullptr});
}

void WebsocketSession::RemoveRegistration(LocalSubscription* subscription) {
  registration_bytes_ -= static_cast<uint32_t>(subscription->filter.size());
  fan_out_->counts.registrations.Add(-1);
  ForgetForReplay(subscription, nullptr);
  table().Deregister(this, subscription);
}

void WebsocketSession::RemoveAll() {
  fan_out_->counts.registrations.Add(-static_cast<int64_t>(registrations().size()));
  table().DeregisterAll(this);
  registration_bytes_ = 0;
  acks_ = AckQueue();
  StopCatchingUp();
  closing_ = true;
}

// Answers.

void WebsocketSession::Answer(AckQueue::Ack ack) {
  acks_.Push(std::move(ack));
  if (acks_.size_bytes() > limits_->outbox_bytes_max) {
    CloseSoon(CloseReason::kOutbox, absl::StrCat("commands that wait for the broker hold more than "
                                                 "outbox-bytes-max, ",
                                                 limits_->outbox_bytes_max, " bytes"));
  }
}

void WebsocketSession::AnswerError(absl::string_view text, absl::string_view error) {
  Answer({.verb = Verb::kRegister,
          .text = std::string(CutUtf8(text, kErrorKeyBytesMax)),
          .error = absl::InvalidArgumentError(error),
          .awaited = nullptr});
}

void WebsocketSession::SendAnswers() {
  std::string frames;
  acks_.TakeReady([&frames](const AckQueue::Ack& ack) {
    if (ack.error.ok()) {
      AppendAckFrame(ack.verb, ack.text, absl::Now(), &frames);
    } else {
      AppendErrorFrame(ack.text, ack.error.message(), absl::Now(), &frames);
    }
  });
  if (frames.empty()) return;
  connection_->SendCopy(frames);
  CheckOutbox();
}

void WebsocketSession::CheckOutbox() {
  if (connection_->outbox().size_bytes() <= 2 * limits_->outbox_bytes_max) return;
  CloseSoon(CloseReason::kOutbox,
            absl::StrCat("answers to more than outbox-bytes-max, ", limits_->outbox_bytes_max,
                         " bytes, wait to be read; read them, or send fewer commands"));
}

// The hub.

void WebsocketSession::OnLive() {
  SendAnswers();
  GoOn();
}

bool WebsocketSession::OnEvent(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) {
  if (close_soon_) return false;
  if (behind_ != nullptr) return Hold(frames, begin, end);
  const Outbox& outbox = connection_->outbox();
  // An empty outbox takes an event of any size.
  if (!outbox.empty() && outbox.size_bytes() + (end - begin) > limits_->outbox_bytes_max) {
    FallBehind();
    return false;
  }
  connection_->Send(frames, begin, end);
  return true;
}

void WebsocketSession::OnRefused(LocalSubscription* subscription, const absl::Status& why) {
  if (!acks_.Awaits(subscription)) {
    // The client counts on it.
    return OnLost(
        absl::StrCat("events may have been lost: ", why.message(), "; connect and register again"));
  }
  acks_.Fail(subscription, why);
  SendAnswers();
  connection_->thread().Defer([this, connection = connection_->shared_from_this(), subscription,
                               serial = subscription->upstream->serial] {
    for (const Registration& registration : registrations()) {
      if (registration.subscription != subscription || subscription->upstream->serial != serial) {
        continue;
      }
      RemoveRegistration(subscription);
      return GoOn();
    }
  });
}

void WebsocketSession::OnLost(absl::string_view why) { CloseSoon(CloseReason::kEventsLost, why); }

void WebsocketSession::OnSessionEnded(const absl::Status& why) {
  if (absl::IsResourceExhausted(why)) {
    return Close(CloseReason::kSessionEvicted,
                 "the broker holds as many sessions as it may; connect and register again");
  }
  Close(CloseReason::kSessionEnded, why.message());
}

void WebsocketSession::OnScopeChanged(const ScopePtr& scope) {
  const std::vector<Registration> before = registrations();
  for (const Registration& registration : before) {
    LocalSubscription* const old = registration.subscription;
    // What is refused is about to be removed.
    if (old->scope == scope || old->refused) continue;
    LocalSubscription* const moved = table().Register(this, scope, old->filter);
    acks_.Replace(old, moved);
    ForgetForReplay(old, moved);
    table().Deregister(this, old);
  }
  SendAnswers();
  if (!before.empty()) ReadFromLog();
}

void WebsocketSession::OnInterrupted() { ReadFromLog(); }

// The end.

void WebsocketSession::Close(CloseReason reason, absl::string_view text) {
  CloseWith(reason, CloseCodeOf(reason), text);
}

void WebsocketSession::CloseWith(CloseReason reason, CloseCode code, absl::string_view text) {
  if (connection_->is_closing()) return;
  reason_ = reason;
  close_code_ = code;
  RemoveAll();
  // What was queued before is still the client's, unless it is just what there is too much of.
  if (reason == CloseReason::kOutbox) connection_->DropUnsent();
  std::string frame;
  AppendCloseFrame(code, text, &frame);
  connection_->SendCopy(frame);
  connection_->CloseGracefully(std::string(text), limits_->close_timeout);
}

void WebsocketSession::CloseSoon(CloseReason reason, absl::string_view text) {
  if (std::exchange(close_soon_, true)) return;
  connection_->thread().Defer([this, connection = connection_->shared_from_this(), reason,
                               text = std::string(text)] { Close(reason, text); });
}

}  // namespace carillon::facade
