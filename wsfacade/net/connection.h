// One accepted connection: its socket, its outbox, its deadline, and whoever speaks on it.
#ifndef CARILLON_WSFACADE_NET_CONNECTION_H_
#define CARILLON_WSFACADE_NET_CONNECTION_H_

#include <openssl/ssl.h>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "wsfacade/net/io_thread.h"
#include "wsfacade/net/opening.h"
#include "wsfacade/net/outbox.h"
#include "wsfacade/net/timer_wheel.h"
#include "wsfacade/net/transport.h"

namespace carillon::facade {

using Socket =
    boost::asio::basic_stream_socket<boost::asio::ip::tcp, boost::asio::io_context::executor_type>;

// What is spoken on a connection. Called on the connection's thread.
class Protocol {
 public:
  virtual ~Protocol() = default;
  // Once, before anything else; `connection` outlives the protocol.
  virtual void OnStart(Connection* connection) = 0;
  // Bytes have come. They may be changed and are good until it returns.
  virtual void OnBytes(absl::Span<char> bytes) = 0;
  // The peer has ended its side; what is queued can still be written.
  virtual void OnEnd() = 0;
  // The deadline set with Connection::SetDeadline has come.
  virtual void OnDeadline() = 0;
  // No more is queued than it asked for with Connection::AwaitRoom.
  virtual void OnRoom() {}
  // The server is to end: finish soon.
  virtual void OnDrain() = 0;
  // The last call: the connection is closed. `why` is for the log.
  virtual void OnClosed(absl::string_view why) = 0;
};

// Belongs to its IoThread, which alone may call it.
class Connection : public std::enable_shared_from_this<Connection> {
 public:
  // `tls` may be null: no TLS. `peer`: ADDRESS:PORT.
  Connection(IoThread* thread, Socket socket, std::string peer, SSL_CTX* tls,
             std::unique_ptr<Protocol> protocol, Opening opening);
  ~Connection();

  // Begins, with the TLS handshake if there is one; the protocol's deadline counts from here.
  void Start();

  IoThread& thread() { return *thread_; }
  const std::string& peer() const { return peer_; }
  // Read and written only by a protocol that limits it.
  const Outbox& outbox() const { return outbox_; }
  // Whether the TLS handshake is over.
  bool is_ready() const { return state_ != State::kHandshake; }
  bool is_closed() const { return state_ == State::kClosed; }
  bool is_closing() const { return state_ >= State::kClosing; }

  // Queues bytes to be written at the end of the pass. Whole frames only. Nothing once closing.
  void Send(const SharedBytesPtr& bytes, size_t begin, size_t end);
  void SendCopy(absl::string_view bytes);
  // Takes from the outbox what has not been begun.
  void DropUnsent();
  // Calls the protocol's OnRoom once, when no more than `bytes` are queued: never within this call.
  // The last call counts.
  void AwaitRoom(size_t bytes);
  // Grows while the peer takes what is sent: counts the bytes that its end of the connection has
  // acknowledged, about.
  int64_t taken_bytes();
  // Written to the socket so far.
  int64_t sent_bytes() const { return sent_bytes_; }

  // Stops and goes on reading.
  void PauseReading() { paused_ = true; }
  void ResumeReading();

  // The client has shown that it keeps its side of the handshake: another may have its place.
  void EndOpening() { opening_.End(); }

  void SetDeadline(absl::Duration delay);
  void CancelDeadline();

  // Hands the connection to another protocol, then ends the one before.
  void SwitchTo(std::unique_ptr<Protocol> protocol);

  // Writes what is queued, ends its side, waits for the peer to end too, and closes; all within
  // `limit`. The protocol hears no more than OnClosed(why).
  void CloseGracefully(std::string why, absl::Duration limit);
  // Closes now.
  void Abort(absl::string_view why);

  // Called by the thread.
  void Flush();
  void OnDeadline();
  void Drain();
  static Connection* OfDeadline(TimerWheel::Node* node);

 private:
  enum class State : uint8_t { kHandshake, kOpen, kClosing, kLingering, kClosed };
  struct DeadlineNode : TimerWheel::Node {
    Connection* connection;
  };

  void OnReadable();
  void ReadSome();
  void OnPeerEnd();
  void ArmRead();
  void ArmWrite();
  void QueueFlush();
  void Write();
  // Gives to the transport what this pass may.
  IoStatus WriteOutbox();
  void FinishWriting();

  IoThread* const thread_;
  Socket socket_;
  Transport transport_;
  std::unique_ptr<Protocol> protocol_;
  Outbox outbox_;
  DeadlineNode deadline_;
  const std::string peer_;
  Opening opening_;
  // Set while closing.
  std::unique_ptr<std::string> why_;
  int64_t sent_bytes_ = 0;
  // Negative: nobody waits for room.
  int64_t room_below_ = -1;
  State state_;
  bool dirty_ = false;
  bool paused_ = false;
  bool peer_ended_ = false;
  bool read_armed_ = false;
  bool write_armed_ = false;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_CONNECTION_H_
