#include "tests/bench/load/publisher.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "tests/bench/load/dialect.h"
#include "tests/bench/load/event_text.h"
#include "tests/bench/load/socket.h"

namespace carillon::bench {
namespace {

class TcpPublisher : public Publisher, private Pollable {
 public:
  TcpPublisher(EventLoop* loop, bool is_mqtt, size_t event_size)
      : loop_(loop), is_mqtt_(is_mqtt), event_(event_size) {
    unsent_ = is_mqtt ? MqttConnect("bench-publisher")
                      : "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\","
                        "\"version\":\"1\",\"protocol\":1}\r\n";
    head_ = is_mqtt ? absl::StrCat(kEventType, "/", kEventAction, "/", kEventKey)
                    : absl::StrCat("PUB ", kEventType, ".", kEventAction, ".", kEventKey, " ",
                                   event_.whole().size(), "\r\n");
  }

  absl::Status Connect(absl::string_view address) {
    const absl::Status status = socket_.Connect(address, nullptr);
    if (status.ok()) loop_->Add(socket_.fd(), EPOLLIN | EPOLLOUT, this);
    return status;
  }

  void Publish(int64_t count) override {
    Stamp stamp = {next_number_, MonotonicNanos()};
    for (int64_t i = 0; i < count; ++i, ++stamp.number) {
      event_.Write(stamp);
      if (is_mqtt_) {
        AppendMqttPublish(head_, event_.whole(), &unsent_);
      } else {
        absl::StrAppend(&unsent_, head_, event_.whole(), "\r\n");
      }
    }
    next_number_ = stamp.number;
    Flush();
  }

  absl::Status status() const override { return status_; }

 private:
  void OnReady(uint32_t events) override {
    if ((events & EPOLLIN) != 0) Read();
    Flush();
  }

  void Read() {
    char text[4096];
    size_t count = 0;
    switch (socket_.Read(text, sizeof text, &count)) {
      case Socket::Result::kDone:
        break;
      case Socket::Result::kClosed:
        status_ = absl::UnavailableError("the server closed the publisher's connection");
        loop_->Remove(socket_.fd());
        return;
      default:
        return;
    }
    const absl::string_view read(text, count);
    if (!is_mqtt_ && read.find("PING\r\n") != absl::string_view::npos) unsent_ += "PONG\r\n";
    if (!is_mqtt_ && read.find("-ERR") != absl::string_view::npos) {
      status_ = absl::InternalError(std::string(read));
    }
  }

  void Flush() {
    size_t count = 0;
    while (sent_ < unsent_.size() && socket_.Write(absl::string_view(unsent_).substr(sent_),
                                                   &count) == Socket::Result::kDone) {
      sent_ += count;
    }
    const bool waits = sent_ < unsent_.size();
    if (!waits) {
      unsent_.clear();
      sent_ = 0;
    }
    if (!status_.ok() || waits == waits_) return;
    waits_ = waits;
    loop_->Change(socket_.fd(), waits ? EPOLLIN | EPOLLOUT : EPOLLIN, this);
  }

  EventLoop* const loop_;
  const bool is_mqtt_;
  EventText event_;
  std::string head_;
  uint64_t next_number_ = 0;
  Socket socket_;
  std::string unsent_;
  size_t sent_ = 0;
  bool waits_ = true;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Publisher>> MakeTcpPublisher(EventLoop* loop,
                                                            absl::string_view dialect,
                                                            absl::string_view address,
                                                            size_t event_size) {
  auto publisher = std::make_unique<TcpPublisher>(loop, dialect == "mqtt", event_size);
  if (absl::Status status = publisher->Connect(address); !status.ok()) return status;
  return publisher;
}

}  // namespace carillon::bench
