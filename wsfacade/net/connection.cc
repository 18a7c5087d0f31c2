#include "wsfacade/net/connection.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <utility>

namespace carillon::facade {
namespace {

// A connection gives way to the others after so many reads or written bytes in one pass.
constexpr int kReadsPerPass = 8;
constexpr size_t kWriteBytesPerPass = 256 << 10;

}  // namespace

Connection::Connection(IoThread* thread, Socket socket, std::string peer, SSL_CTX* tls,
                       std::unique_ptr<Protocol> protocol, Opening opening)
    : thread_(thread),
      socket_(std::move(socket)),
      transport_(socket_.native_handle(), tls),
      protocol_(std::move(protocol)),
      peer_(std::move(peer)),
      opening_(std::move(opening)),
      state_(tls != nullptr ? State::kHandshake : State::kOpen) {
  deadline_.connection = this;
}

Connection::~Connection() = default;

Connection* Connection::OfDeadline(TimerWheel::Node* node) {
  return static_cast<DeadlineNode*>(node)->connection;
}

void Connection::Start() {
  protocol_->OnStart(this);
  ArmRead();
}

void Connection::ArmRead() {
  if (read_armed_ || is_closed()) return;
  read_armed_ = true;
  socket_.async_wait(Socket::wait_read,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->read_armed_ = false;
                       if (!error && !self->is_closed()) self->OnReadable();
                     });
}

void Connection::ArmWrite() {
  if (write_armed_ || is_closed()) return;
  write_armed_ = true;
  socket_.async_wait(Socket::wait_write,
                     [self = shared_from_this()](const boost::system::error_code& error) {
                       self->write_armed_ = false;
                       if (error || self->is_closed()) return;
                       if (self->state_ == State::kHandshake) return self->OnReadable();
                       self->Flush();
                     });
}

void Connection::OnReadable() {
  if (state_ == State::kHandshake) {
    switch (transport_.Handshake()) {
      case IoStatus::kOk:
        state_ = State::kOpen;
        if (transport_.is_blocked()) ArmWrite();
        break;
      case IoStatus::kWantRead:
        return ArmRead();
      case IoStatus::kWantWrite:
        return ArmWrite();
      default:
        thread_->counts.handshakes_failed.Add(1);
        return Abort(transport_.error());
    }
  }
  ReadSome();
}

void Connection::ReadSome() {
  for (int i = 0; i < kReadsPerPass; ++i) {
    if (is_closed() || (paused_ && !is_closing())) return;
    const IoResult result = transport_.Read(thread_->read_buffer());
    switch (result.status) {
      case IoStatus::kOk:
        thread_->counts.bytes_received.Add(static_cast<int64_t>(result.bytes));
        // While closing, what still comes is of no interest.
        if (!is_closing()) protocol_->OnBytes(thread_->read_buffer().first(result.bytes));
        break;
      case IoStatus::kWantRead:
        if (transport_.is_blocked()) ArmWrite();
        return ArmRead();
      case IoStatus::kWantWrite:
        ArmWrite();
        return ArmRead();
      case IoStatus::kEnd:
        return OnPeerEnd();
      case IoStatus::kBroken:
        return Abort(transport_.error());
    }
  }
  if (is_closed() || (paused_ && !is_closing())) return;
  thread_->Defer([self = shared_from_this()] {
    if (!self->read_armed_) self->ReadSome();
  });
}

void Connection::OnPeerEnd() {
  peer_ended_ = true;
  if (state_ == State::kLingering) return Abort("");
  if (state_ == State::kOpen) protocol_->OnEnd();
}

void Connection::ResumeReading() {
  if (!std::exchange(paused_, false) || is_closed() || peer_ended_) return;
  // TLS may hold bytes for which the socket will not become readable.
  thread_->Defer([self = shared_from_this()] {
    if (!self->read_armed_ && self->is_ready()) self->ReadSome();
  });
}

void Connection::Send(const SharedBytesPtr& bytes, size_t begin, size_t end) {
  if (is_closing()) return;
  outbox_.Append(bytes, begin, end);
  thread_->counts.outbox_bytes.Add(static_cast<int64_t>(end - begin));
  QueueFlush();
  thread_->CountQueued(end - begin);
}

void Connection::SendCopy(absl::string_view bytes) {
  if (is_closing()) return;
  outbox_.AppendCopy(bytes);
  thread_->counts.outbox_bytes.Add(static_cast<int64_t>(bytes.size()));
  QueueFlush();
  thread_->CountQueued(bytes.size());
}

void Connection::DropUnsent() {
  const size_t before = outbox_.size_bytes();
  outbox_.DropUnbegun();
  thread_->counts.outbox_bytes.Add(static_cast<int64_t>(outbox_.size_bytes()) -
                                   static_cast<int64_t>(before));
}

void Connection::AwaitRoom(size_t bytes) {
  room_below_ = static_cast<int64_t>(bytes);
  if (outbox_.size_bytes() <= bytes) QueueFlush();
}

int64_t Connection::taken_bytes() {
  int unacknowledged = 0;
  if (is_closed() || ioctl(socket_.native_handle(), SIOCOUTQ, &unacknowledged) != 0) return 0;
  return sent_bytes_ - static_cast<int64_t>(transport_.unsent_bytes()) - unacknowledged;
}

void Connection::QueueFlush() {
  if (dirty_) return;
  dirty_ = true;
  thread_->MarkDirty(this);
}

void Connection::Flush() {
  dirty_ = false;
  if (is_closed() || state_ == State::kLingering) return;
  Write();
  if (is_closing() || static_cast<int64_t>(outbox_.size_bytes()) > room_below_) return;
  room_below_ = -1;
  protocol_->OnRoom();
}

void Connection::Write() {
  if (write_armed_) return outbox_.Settle();
  IoStatus status = WriteOutbox();
  if (status == IoStatus::kOk || status == IoStatus::kWantRead) {
    if (const IoStatus pushed = transport_.Push(); pushed != IoStatus::kOk) status = pushed;
  }
  switch (status) {
    case IoStatus::kOk:
      break;
    case IoStatus::kWantRead:
      return ArmRead();
    case IoStatus::kWantWrite:
      outbox_.Settle();
      return ArmWrite();
    default:
      return Abort(transport_.error());
  }
  if (!outbox_.empty()) return QueueFlush();
  if (state_ == State::kClosing) FinishWriting();
}

IoStatus Connection::WriteOutbox() {
  for (size_t written = 0; !outbox_.empty() && written < kWriteBytesPerPass;) {
    const IoResult result = transport_.Write(outbox_.Peek(thread_->write_buffer()));
    if (result.status != IoStatus::kOk) return result.status;
    outbox_.Consume(result.bytes);
    written += result.bytes;
    sent_bytes_ += static_cast<int64_t>(result.bytes);
    thread_->counts.writes.Add(1);
    thread_->counts.bytes_sent.Add(static_cast<int64_t>(result.bytes));
    thread_->counts.outbox_bytes.Add(-static_cast<int64_t>(result.bytes));
  }
  return IoStatus::kOk;
}

void Connection::FinishWriting() {
  transport_.SendEnd();
  if (peer_ended_) return Abort("");
  state_ = State::kLingering;
  if (!read_armed_) ReadSome();
}

void Connection::SetDeadline(absl::Duration delay) {
  if (!is_closing()) thread_->SetDeadline(&deadline_, delay);
}

void Connection::CancelDeadline() {
  if (!is_closing()) thread_->CancelDeadline(&deadline_);
}

void Connection::OnDeadline() {
  if (is_closing()) return Abort("");
  protocol_->OnDeadline();
}

void Connection::Drain() {
  if (!is_closing()) protocol_->OnDrain();
}

void Connection::SwitchTo(std::unique_ptr<Protocol> protocol) {
  std::swap(protocol_, protocol);
  protocol_->OnStart(this);
}

void Connection::CloseGracefully(std::string why, absl::Duration limit) {
  if (is_closing()) return;
  if (state_ == State::kHandshake) return Abort(why);
  thread_->SetDeadline(&deadline_, limit);
  state_ = State::kClosing;
  why_ = std::make_unique<std::string>(std::move(why));
  // To be written after what this pass still queues on it, and never within the caller.
  QueueFlush();
}

void Connection::Abort(absl::string_view why) {
  if (is_closed()) return;
  const std::string reason(why_ != nullptr ? absl::string_view(*why_) : why);
  state_ = State::kClosed;
  opening_.End();
  thread_->CancelDeadline(&deadline_);
  thread_->counts.outbox_bytes.Add(-static_cast<int64_t>(outbox_.size_bytes()));
  boost::system::error_code ignored;
  socket_.close(ignored);
  protocol_->OnClosed(reason);
  thread_->Remove(this);
}

}  // namespace carillon::facade
