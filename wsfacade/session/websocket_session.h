// One websocket: takes commands, answers them in order, passes events along, and keeps its limits.
#ifndef CARILLON_WSFACADE_SESSION_WEBSOCKET_SESSION_H_
#define CARILLON_WSFACADE_SESSION_WEBSOCKET_SESSION_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "wsfacade/hub/fan_out.h"
#include "wsfacade/hub/hub.h"
#include "wsfacade/hub/registration_table.h"
#include "wsfacade/net/connection.h"
#include "wsfacade/session/ack_queue.h"
#include "wsfacade/session/close_reason.h"
#include "wsfacade/session/token_bucket.h"
#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {

struct WebsocketLimits {
  uint32_t message_bytes_max = 64 << 10;
  size_t registrations_max = 10'000;
  // Filters of one websocket together.
  size_t registration_bytes_max = 4 << 20;
  Rate commands{.per_second = 1'000, .burst = 20'000};
  // Events that may wait to be written to one websocket; beyond it, it has fallen behind and is
  // caught up from the broker's log. Answers may take as much again; beyond that it is closed.
  size_t outbox_bytes_max = 4 << 20;
  // One that has fallen behind and takes nothing for so long is closed.
  absl::Duration stall_timeout = absl::Seconds(10);
  // A silent client is asked after so long whether it is still there, and has so long to answer.
  absl::Duration ping_interval = absl::Seconds(30);
  absl::Duration pong_timeout = absl::Seconds(15);
  // For what is queued and the close frame to be taken by the client.
  absl::Duration close_timeout = absl::Seconds(5);
};

struct Behind;

class WebsocketSession : public Protocol,
                         private FrameSink,
                         private Registrant,
                         private SessionSink,
                         private ReplaySink {
 public:
  // `limits`, `closes` and `fan_out`, its thread's, must outlive it.
  WebsocketSession(const WebsocketLimits* limits, CloseCounts* closes, FanOut* fan_out,
                   SessionLease lease);
  ~WebsocketSession() override;

  void OnStart(Connection* connection) override;
  void OnBytes(absl::Span<char> bytes) override;
  void OnEnd() override;
  void OnDeadline() override;
  void OnRoom() override;
  void OnDrain() override;
  void OnClosed(absl::string_view why) override;

 private:
  // FrameSink.
  bool OnMessage(Opcode opcode, absl::string_view payload) override;
  bool OnPing(absl::string_view payload) override;
  bool OnPong() override;
  void OnClose(CloseCode code, absl::string_view reason) override;

  // Registrant.
  void OnLive() override;
  bool OnEvent(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) override;
  void OnRefused(LocalSubscription* subscription, const absl::Status& why) override;
  void OnInterrupted() override;
  void OnLost(absl::string_view why) override;

  // SessionSink.
  void OnSessionEnded(const absl::Status& why) override;
  void OnScopeChanged(const ScopePtr& scope) override;

  // ReplaySink.
  void OnReplayGranted() override;
  void OnReplayed(std::shared_ptr<const EventFrames> frames) override;
  void OnReplayEnded(const absl::Status& status) override;

  RegistrationTable& table() { return fan_out_->table(); }
  void OnCommand(absl::string_view text);
  void Register(std::string filter, absl::string_view filter_text, absl::string_view text);
  // For a registration beyond a limit: an answer, and the end.
  void RefuseOneTooMany(absl::string_view text, absl::string_view limit);
  void Deregister(const std::string& filter, absl::string_view filter_text);
  void RemoveRegistration(LocalSubscription* subscription);
  void RemoveAll();

  void Answer(AckQueue::Ack ack);
  void AnswerError(absl::string_view text, absl::string_view error);
  void SendAnswers();
  // Closes the websocket, later if need be, if the client takes no answers.
  void CheckOutbox();

  // Asks the client whether it is there, or ends the wait for its answer. False: it was closed.
  bool CheckAlive();
  void ArmDeadline();

  // Catching up, in websocket_catch_up.cc. It has fallen behind while behind_ is there.
  // The event at hand does not fit, or what comes next is not delivered live.
  void FallBehind();
  // Catches up from here on, or anew.
  void ReadFromLog();
  // Goes on with catching up as far as there is room: the one step after whatever happens.
  void GoOn();
  // Whether all frames of the replay at hand were given.
  bool GiveReplayed();
  void GiveHeld();
  void HaveCaughtUp();
  // Nothing: one that was acknowledged is not in force at the moment.
  std::optional<std::vector<const LocalSubscription*>> RegistrationsToReplay();
  client::ReplayOptions MakeReplay(const std::vector<const LocalSubscription*>& served);
  // Gives up a turn that waits for the client to read, if others wait for theirs: a few that read
  // very slowly do not keep all others from being caught up.
  void MakeWay();
  // The next one goes on after the last event given.
  void StopReplay();
  void BeginAgain(absl::Duration delay);
  // A registration that a replay serves from here on.
  void BeginReplayingFor(const LocalSubscription* subscription);
  // It goes, or becomes another one.
  void ForgetForReplay(const LocalSubscription* subscription, const LocalSubscription* moved);
  bool Hold(const SharedBytesPtr& frames, uint32_t begin, uint32_t end);
  void StopCatchingUp();
  bool IsStalled();

  void Close(CloseReason reason, absl::string_view text);
  void CloseWith(CloseReason reason, CloseCode code, absl::string_view text);
  // Close once the caller, who may be busy with the table, has returned.
  void CloseSoon(CloseReason reason, absl::string_view text);

  const WebsocketLimits* const limits_;
  CloseCounts* const closes_;
  FanOut* const fan_out_;
  Connection* connection_ = nullptr;
  SessionLease lease_;
  FrameDecoder decoder_;
  AckQueue acks_;
  TokenBucket commands_;
  // Null: it receives live.
  std::unique_ptr<Behind> behind_;
  // When the client is asked, or must have answered.
  absl::Time alive_due_;
  // Connection::taken_bytes() when the ping was sent, or when the answer was due, and that which
  // tells that the ping has reached the client.
  int64_t pinged_taken_ = 0;
  int64_t ping_taken_at_ = 0;
  uint32_t registration_bytes_ = 0;
  CloseReason reason_ = CloseReason::kConnectionLost;
  CloseCode close_code_ = CloseCode::kAbnormal;
  // Takes and gives nothing any more.
  bool closing_ = false;
  bool close_soon_ = false;
  // Bytes have come since the last deadline.
  bool heard_ = false;
  bool pinged_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_WEBSOCKET_SESSION_H_
