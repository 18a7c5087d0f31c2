// One websocket: takes commands, answers them in order, passes events along, and keeps its limits.
#ifndef CARILLON_WSFACADE_SESSION_WEBSOCKET_SESSION_H_
#define CARILLON_WSFACADE_SESSION_WEBSOCKET_SESSION_H_

#include <cstdint>
#include <string>

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
  // What may wait to be written to one websocket, answers that wait for the broker included.
  size_t outbox_bytes_max = 4 << 20;
  // A silent client is asked after so long whether it is still there, and has so long to answer.
  absl::Duration ping_interval = absl::Seconds(30);
  absl::Duration pong_timeout = absl::Seconds(15);
  // For what is queued and the close frame to be taken by the client.
  absl::Duration close_timeout = absl::Seconds(5);
};

class WebsocketSession : public Protocol,
                         private FrameSink,
                         private Registrant,
                         private SessionSink {
 public:
  // `limits`, `closes` and `fan_out`, its thread's, must outlive it.
  WebsocketSession(const WebsocketLimits* limits, CloseCounts* closes, FanOut* fan_out,
                   SessionLease lease);
  ~WebsocketSession() override;

  void OnStart(Connection* connection) override;
  void OnBytes(absl::Span<char> bytes) override;
  void OnEnd() override;
  void OnDeadline() override;
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
  void OnEvent(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) override;
  void OnRefused(LocalSubscription* subscription, const absl::Status& why) override;
  void OnLost(absl::string_view why) override;

  // SessionSink.
  void OnSessionEnded(const absl::Status& why) override;
  void OnScopeChanged(const ScopePtr& scope) override;

  RegistrationTable& table() { return fan_out_->table(); }
  void OnCommand(absl::string_view text);
  void Register(std::string filter, absl::string_view filter_text, absl::string_view text);
  void Deregister(const std::string& filter, absl::string_view filter_text);
  void RemoveRegistration(LocalSubscription* subscription);
  void RemoveAll();

  void Answer(AckQueue::Ack ack);
  void AnswerError(absl::string_view text, absl::string_view error);
  void SendAnswers();
  // Closes the websocket, later if need be, if more waits for the client than it may.
  void CheckOutbox();

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
  uint32_t registration_bytes_ = 0;
  CloseReason reason_ = CloseReason::kConnectionLost;
  uint16_t close_code_ = 0;
  // Takes and gives nothing any more.
  bool closing_ = false;
  bool close_soon_ = false;
  // Bytes have come since the last deadline.
  bool heard_ = false;
  bool pinged_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_WEBSOCKET_SESSION_H_
