// Bytes to and from one non-blocking socket, through TLS or as they are.
#ifndef CARILLON_WSFACADE_NET_TRANSPORT_H_
#define CARILLON_WSFACADE_NET_TRANSPORT_H_

#include <openssl/ssl.h>

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

// Does not own the socket, which must be non-blocking. Not thread-safe.
class Transport {
 public:
  // `tls` may be null: no TLS.
  Transport(int socket, SSL_CTX* tls);

  // Until it gives kOk, nothing else may be called.
  IoStatus Handshake();
  IoResult Read(absl::Span<char> buffer);
  // May write less than all. After kWantWrite, TLS holds an encrypted record: the next call must
  // bring the same bytes, and possibly more behind them.
  IoResult Write(absl::string_view bytes);
  // Tells the peer that nothing more will come, if that can be done without waiting.
  void SendEnd();

  bool is_tls() const { return ssl_ != nullptr; }
  // Why it is broken.
  const std::string& error() const { return error_; }

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  IoStatus SslVerdict(int result);
  IoStatus SocketVerdict(IoStatus would_block);

  const int socket_;
  std::unique_ptr<SSL, SslDeleter> ssl_;
  std::string error_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_NET_TRANSPORT_H_
