// One websocket that receives events.
#ifndef CARILLON_TESTS_BENCH_LOAD_SUBSCRIBER_H_
#define CARILLON_TESTS_BENCH_LOAD_SUBSCRIBER_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "tests/bench/load/dialect.h"
#include "tests/bench/load/event_loop.h"
#include "tests/bench/load/frame_reader.h"
#include "tests/bench/load/socket.h"

namespace carillon::bench {

class Subscriber;

// Hears of all subscribers.
class SubscriberOwner {
 public:
  virtual ~SubscriberOwner() = default;
  virtual void OnLive(Subscriber* subscriber) = 0;
  virtual void OnClosed(Subscriber* subscriber, const absl::Status& why) = 0;
  virtual void OnBatchBegins() = 0;
  virtual void OnEvent(Subscriber* subscriber, absl::string_view text) = 0;
};

struct SubscriberPlan {
  std::string address;
  SSL_CTX* tls = nullptr;
  const Dialect* dialect = nullptr;
  // Of all subscribers' reading; belongs to no one for longer than a call.
  absl::Span<char> buffer;
};

class Subscriber : public Pollable, private MessageSink {
 public:
  Subscriber(EventLoop* loop, const SubscriberPlan* plan, SubscriberOwner* owner, int64_t number,
             std::vector<std::string> filters);

  // Connects, upgrades and registers: then it is live. Once, and again after OnClosed.
  void Start();
  void OnReady(uint32_t events) override;

  int64_t number() const { return number_; }

  // For the owner.
  uint64_t next_event = 0;

 private:
  enum class State { kClosed, kHandshake, kUpgrade, kRegistering, kLive };

  void OnEvent(absl::string_view text) override { owner_->OnEvent(this, text); }
  void OnAnswer() override;
  void Send(absl::string_view message) override;

  void Handshake();
  void RequestUpgrade();
  void OnUpgraded();
  void ReadAll();
  void OnBytes(absl::string_view bytes);
  void OnPiece(uint8_t opcode, absl::string_view piece, bool ends_message);
  void AppendFrame(uint8_t opcode, absl::string_view payload);
  void SendFrame(uint8_t opcode, absl::string_view payload);
  void Flush();
  void Want(uint32_t events);
  void Close(absl::Status why);

  EventLoop* const loop_;
  const SubscriberPlan* const plan_;
  SubscriberOwner* const owner_;
  const int64_t number_;
  const std::vector<std::string> filters_;

  State state_ = State::kClosed;
  uint32_t wanted_events_ = 0;
  int answers_missing_ = 0;
  Socket socket_;
  FrameReader frames_;
  std::unique_ptr<StreamParser> parser_;
  std::string response_;
  std::string unsent_;
  std::string ping_;
  absl::Status fault_;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_SUBSCRIBER_H_
