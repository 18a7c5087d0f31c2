// Bytes to and from one non-blocking socket, through TLS or as they are.
#ifndef CARILLON_WSFACADE_NET_TRANSPORT_H_
#define CARILLON_WSFACADE_NET_TRANSPORT_H_

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstddef>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carillon::facade {

enum class IoStatus {
  kOk,
  // Nothing can be done before the socket is readable or writable.
  kWantRead,
  kWantWrite,
  // The peer has ended its side.
  kEnd,
  // The connection is of no more use.
  kBroken,
};

struct IoResult {
  IoStatus status;
  // With kOk: at least 1.
  size_t bytes = 0;
};

// Does not own the socket, which must be non-blocking. Belongs to one thread.
//
// What TLS writes is gathered, several records to a system call: nothing of it is sent for certain
// before Push.
class Transport {
 public:
  // `tls` may be null: no TLS.
  Transport(int socket, SSL_CTX* tls);
  ~Transport();
  Transport(const Transport&) = delete;
  Transport& operator=(const Transport&) = delete;

  // Until it gives kOk, nothing else may be called.
  IoStatus Handshake();
  IoResult Read(absl::Span<char> buffer);
  // May take less than all. Push must follow before another transport of this thread is used.
  IoResult Write(absl::string_view bytes);
  // Sends what was gathered. kWantWrite: some of it is kept until the socket is writable.
  IoStatus Push();
  // Whether Push has to be called again when the socket is writable.
  bool is_blocked() const { return unsent_ != nullptr; }
  // What Push keeps.
  size_t unsent_bytes() const { return unsent_ == nullptr ? 0 : unsent_->size(); }
  // Tells the peer that nothing more will come, if that can be done without waiting.
  void SendEnd();

  bool is_tls() const { return ssl_ != nullptr; }
  // Why it is broken.
  absl::string_view error() const { return error_ == nullptr ? absl::string_view() : *error_; }

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  friend struct GatheringBio;

  IoStatus SslVerdict(int result);
  IoStatus SocketVerdict(IoStatus would_block);
  // Sends the first of the bytes; returns how many, and -1 if the socket is broken.
  ssize_t SendSome(absl::string_view bytes);

  const int socket_;
  // Of the socket, by the call under way.
  size_t bytes_read_ = 0;
  // Records that the socket did not take.
  std::unique_ptr<std::string> unsent_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  // Null while it is not broken.
  std::unique_ptr<std::string> error_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_TRANSPORT_H_
