#include "tests/bench/load/subscriber.h"

#include <algorithm>
#include <utility>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace carillon::bench {

Subscriber::Subscriber(EventLoop* loop, const SubscriberPlan* plan, SubscriberOwner* owner,
                       int64_t number, std::vector<std::string> filters)
    : loop_(loop), plan_(plan), owner_(owner), number_(number), filters_(std::move(filters)) {}

void Subscriber::Start() {
  frames_ = FrameReader();
  parser_ = plan_->dialect->NewParser();
  unsent_.clear();
  response_.clear();
  fault_ = absl::OkStatus();
  state_ = State::kHandshake;
  const absl::Status status = socket_.Connect(plan_->address, plan_->tls);
  wanted_events_ = EPOLLOUT;
  if (socket_.fd() >= 0) loop_->Add(socket_.fd(), wanted_events_, this);
  if (!status.ok()) Close(status);
}

void Subscriber::OnReady(uint32_t events) {
  if (state_ == State::kHandshake) {
    Handshake();
    return;
  }
  if ((events & EPOLLOUT) != 0) Flush();
  if ((events & (EPOLLIN | EPOLLHUP | EPOLLERR)) != 0 && state_ != State::kClosed) ReadAll();
}

void Subscriber::Handshake() {
  switch (socket_.Handshake()) {
    case Socket::Result::kDone:
      RequestUpgrade();
      return;
    case Socket::Result::kWantRead:
      Want(EPOLLIN);
      return;
    case Socket::Result::kWantWrite:
      Want(EPOLLOUT);
      return;
    case Socket::Result::kClosed:
      Close(absl::UnavailableError(absl::StrCat("no connection to ", plan_->address)));
  }
}

void Subscriber::RequestUpgrade() {
  state_ = State::kUpgrade;
  unsent_ = absl::StrCat("GET ", plan_->dialect->target(), " HTTP/1.1\r\nHost: ", plan_->address,
                         "\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
                         "Sec-WebSocket-Version: 13\r\n"
                         "Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n",
                         plan_->dialect->headers(), "\r\n");
  Want(EPOLLIN);
  Flush();
}

void Subscriber::OnUpgraded() {
  state_ = State::kRegistering;
  for (const std::string& message :
       plan_->dialect->Register(filters_, number_, &answers_missing_)) {
    AppendFrame(plan_->dialect->opcode(), message);
  }
  Flush();
}

void Subscriber::ReadAll() {
  // A few reads, so that one busy connection does not keep the others waiting; and none to find out
  // that there is no more, which the loop tells of many connections at once.
  owner_->OnBatchBegins();
  for (int reads = 0; reads < 8 || socket_.has_pending(); ++reads) {
    size_t count = 0;
    switch (socket_.Read(plan_->buffer.data(), plan_->buffer.size(), &count)) {
      case Socket::Result::kDone:
        OnBytes({plan_->buffer.data(), count});
        if (state_ == State::kClosed) return;
        if (count < plan_->buffer.size() && !socket_.has_pending()) return;
        break;
      case Socket::Result::kWantRead:
        return;
      case Socket::Result::kWantWrite:
        Want(EPOLLIN | EPOLLOUT);
        return;
      case Socket::Result::kClosed:
        Close(absl::UnavailableError("the server closed the connection"));
        return;
    }
  }
}

void Subscriber::OnBytes(absl::string_view bytes) {
  if (state_ == State::kUpgrade) {
    absl::StrAppend(&response_, bytes);
    const size_t end = response_.find("\r\n\r\n");
    if (end == std::string::npos) return;
    if (!absl::StartsWith(response_, "HTTP/1.1 101")) {
      Close(absl::InternalError(absl::StrCat("no upgrade: ", response_.substr(0, 300))));
      return;
    }
    OnUpgraded();
    bytes = absl::string_view(response_).substr(end + 4);
  }
  const bool fine =
      frames_.Feed(bytes, [this](uint8_t opcode, absl::string_view piece, bool ends_message) {
        OnPiece(opcode, piece, ends_message);
      });
  if (!fine) fault_.Update(absl::InternalError("not a websocket frame"));
  if (!fault_.ok()) Close(fault_);
}

void Subscriber::OnPiece(uint8_t opcode, absl::string_view piece, bool ends_message) {
  if (opcode == kOpcodeText || opcode == kOpcodeBinary) {
    fault_.Update(parser_->OnPiece(piece, ends_message, this));
  } else if (opcode == kOpcodePing) {
    constexpr uint8_t kOpcodePong = 0xa;
    absl::StrAppend(&ping_, piece);
    if (!ends_message) return;
    SendFrame(kOpcodePong, ping_);
    ping_.clear();
  } else if (opcode == kOpcodeClose) {
    fault_.Update(absl::UnavailableError(
        absl::StrCat("the server said close: ", piece.substr(std::min<size_t>(2, piece.size())))));
  }
}

void Subscriber::OnAnswer() {
  if (state_ != State::kRegistering || --answers_missing_ > 0) return;
  state_ = State::kLive;
  response_ = std::string();
  owner_->OnLive(this);
}

void Subscriber::Send(absl::string_view message) { SendFrame(plan_->dialect->opcode(), message); }

void Subscriber::SendFrame(uint8_t opcode, absl::string_view payload) {
  AppendFrame(opcode, payload);
  Flush();
}

void Subscriber::AppendFrame(uint8_t opcode, absl::string_view payload) {
  unsent_.push_back(static_cast<char>(0x80 | opcode));
  // Masked, as a client's frames must be, with a key of zeros.
  if (payload.size() < 126) {
    unsent_.push_back(static_cast<char>(0x80 | payload.size()));
  } else {
    const bool is_long = payload.size() > 0xffff;
    unsent_.push_back(static_cast<char>(0x80 | (is_long ? 127 : 126)));
    for (int shift = is_long ? 56 : 8; shift >= 0; shift -= 8) {
      unsent_.push_back(static_cast<char>(payload.size() >> shift & 0xff));
    }
  }
  unsent_.append(4, '\0');
  absl::StrAppend(&unsent_, payload);
}

void Subscriber::Flush() {
  size_t sent = 0;
  while (sent < unsent_.size()) {
    size_t count = 0;
    const Socket::Result result = socket_.Write(absl::string_view(unsent_).substr(sent), &count);
    if (result == Socket::Result::kClosed) {
      // Reading finds out why.
      unsent_.clear();
      return;
    }
    if (result != Socket::Result::kDone) break;
    sent += count;
  }
  unsent_.erase(0, sent);
  Want(unsent_.empty() ? EPOLLIN : EPOLLIN | EPOLLOUT);
  if (unsent_.empty() && state_ == State::kLive) unsent_ = std::string();
}

void Subscriber::Want(uint32_t events) {
  if (events == wanted_events_) return;
  wanted_events_ = events;
  loop_->Change(socket_.fd(), events, this);
}

void Subscriber::Close(absl::Status why) {
  state_ = State::kClosed;
  socket_.Close();
  owner_->OnClosed(this, why);
}

}  // namespace carillon::bench
