#include "wsfacade/net/transport.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "wsfacade/net/tls_context.h"

namespace carillon::facade {

Transport::Transport(int socket, SSL_CTX* tls) : socket_(socket) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  SSL_set_fd(ssl_.get(), socket);
  SSL_set_accept_state(ssl_.get());
}

IoStatus Transport::SocketVerdict(IoStatus would_block) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return would_block;
  error_ = std::system_category().message(errno);
  return IoStatus::kBroken;
}

IoStatus Transport::SslVerdict(int result) {
  const int system_error = errno;
  switch (SSL_get_error(ssl_.get(), result)) {
    case SSL_ERROR_WANT_READ:
      return IoStatus::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return IoStatus::kWantWrite;
    case SSL_ERROR_ZERO_RETURN:
      return IoStatus::kEnd;
    default:
      error_ = TakeSslError();
      if (error_.empty()) {
        error_ = system_error != 0 ? std::system_category().message(system_error)
                                   : std::string("connection ended in the handshake");
      }
      return IoStatus::kBroken;
  }
}

IoStatus Transport::Handshake() {
  if (ssl_ == nullptr) return IoStatus::kOk;
  ERR_clear_error();
  errno = 0;
  const int result = SSL_do_handshake(ssl_.get());
  return result == 1 ? IoStatus::kOk : SslVerdict(result);
}

IoResult Transport::Read(absl::Span<char> buffer) {
  if (ssl_ == nullptr) {
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
    if (count > 0) return {IoStatus::kOk, static_cast<size_t>(count)};
    return {count == 0 ? IoStatus::kEnd : SocketVerdict(IoStatus::kWantRead)};
  }
  ERR_clear_error();
  errno = 0;
  size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
  if (result == 1) return {IoStatus::kOk, count};
  return {SslVerdict(result)};
}

IoResult Transport::Write(absl::string_view bytes) {
  if (ssl_ == nullptr) {
    const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) return {IoStatus::kOk, static_cast<size_t>(count)};
    return {SocketVerdict(IoStatus::kWantWrite)};
  }
  ERR_clear_error();
  errno = 0;
  size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
  if (result == 1) return {IoStatus::kOk, count};
  return {SslVerdict(result)};
}

void Transport::SendEnd() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
  }
  shutdown(socket_, SHUT_WR);
}

}  // namespace carillon::facade
