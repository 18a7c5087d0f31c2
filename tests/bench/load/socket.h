// A TCP connection that does not block, with TLS or without.
#ifndef CARILLON_TESTS_BENCH_LOAD_SOCKET_H_
#define CARILLON_TESTS_BENCH_LOAD_SOCKET_H_

#include <openssl/ssl.h>
#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::bench {

struct SslContextDeleter {
  void operator()(SSL_CTX* context) const { SSL_CTX_free(context); }
};
using SslContext = std::unique_ptr<SSL_CTX, SslContextDeleter>;

// That of a client that believes any certificate: all servers here are our own.
SslContext MakeClientContext();

class Socket {
 public:
  enum class Result { kDone, kWantRead, kWantWrite, kClosed };

  Socket() = default;
  ~Socket() { Close(); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  // Begins to connect to "127.0.0.1:PORT"; once the descriptor is writable, Handshake goes on.
  // `context` null: without TLS.
  absl::Status Connect(absl::string_view address, SSL_CTX* context);
  // To be called again when what it wants has come.
  Result Handshake();
  // kDone: `*count` > 0 bytes.
  Result Read(char* buffer, size_t size, size_t* count);
  Result Write(absl::string_view bytes, size_t* count);
  void Close();

  // Bytes have come that Read has not handed out yet, of which epoll does not know.
  bool has_pending() const { return ssl_ != nullptr && SSL_has_pending(ssl_.get()) == 1; }
  int fd() const { return fd_; }

 private:
  struct SslDeleter {
    void operator()(SSL* ssl) const { SSL_free(ssl); }
  };

  Result SslResult(int code) const;

  int fd_ = -1;
  std::unique_ptr<SSL, SslDeleter> ssl_;
};

// As many descriptors as the system lets this process have.
void RaiseDescriptorLimit();

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_SOCKET_H_
