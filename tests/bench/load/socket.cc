#include "tests/bench/load/socket.h"

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>
#include <utility>
#include <vector>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace carillon::bench {

SslContext MakeClientContext() {
  SslContext context(SSL_CTX_new(TLS_client_method()));
  SSL_CTX_set_verify(context.get(), SSL_VERIFY_NONE, nullptr);
  SSL_CTX_set_session_cache_mode(context.get(), SSL_SESS_CACHE_OFF);
  SSL_CTX_set_mode(context.get(), SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                                      SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
  // Many records with one system call.
  SSL_CTX_set_read_ahead(context.get(), 1);
  SSL_CTX_set_default_read_buffer_len(context.get(), 64 << 10);
  return context;
}

absl::Status Socket::Connect(absl::string_view address, SSL_CTX* context) {
  const std::pair<std::string, std::string> parts = absl::StrSplit(address, ':');
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  uint32_t port;
  if (inet_pton(AF_INET, parts.first.c_str(), &to.sin_addr) != 1 ||
      !absl::SimpleAtoi(parts.second, &port) || port == 0 || port > 65535) {
    return absl::InvalidArgumentError(absl::StrCat("'", address, "' is not like 127.0.0.1:8092"));
  }
  to.sin_port = htons(static_cast<uint16_t>(port));
  fd_ = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
  if (fd_ < 0) return absl::ErrnoToStatus(errno, "cannot make a socket");
  const int on = 1;
  setsockopt(fd_, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (connect(fd_, reinterpret_cast<const sockaddr*>(&to), sizeof to) != 0 &&
      errno != EINPROGRESS) {
    return absl::ErrnoToStatus(errno, absl::StrCat("cannot connect to ", address));
  }
  if (context != nullptr) {
    ssl_.reset(SSL_new(context));
    SSL_set_fd(ssl_.get(), fd_);
    SSL_set_connect_state(ssl_.get());
  }
  return absl::OkStatus();
}

Socket::Result Socket::SslResult(int code) const {
  switch (SSL_get_error(ssl_.get(), code)) {
    case SSL_ERROR_WANT_READ:
      return Result::kWantRead;
    case SSL_ERROR_WANT_WRITE:
      return Result::kWantWrite;
    default:
      ERR_clear_error();
      return Result::kClosed;
  }
}

Socket::Result Socket::Handshake() {
  int error = 0;
  socklen_t size = sizeof error;
  getsockopt(fd_, SOL_SOCKET, SO_ERROR, &error, &size);
  if (error != 0) return Result::kClosed;
  if (ssl_ == nullptr) return Result::kDone;
  const int code = SSL_do_handshake(ssl_.get());
  return code == 1 ? Result::kDone : SslResult(code);
}

Socket::Result Socket::Read(char* buffer, size_t size, size_t* count) {
  if (ssl_ != nullptr) {
    const int code = SSL_read_ex(ssl_.get(), buffer, size, count);
    return code == 1 ? Result::kDone : SslResult(code);
  }
  const ssize_t got = recv(fd_, buffer, size, 0);
  if (got > 0) {
    *count = static_cast<size_t>(got);
    return Result::kDone;
  }
  return got < 0 && (errno == EAGAIN || errno == EINTR) ? Result::kWantRead : Result::kClosed;
}

Socket::Result Socket::Write(absl::string_view bytes, size_t* count) {
  if (ssl_ != nullptr) {
    const int code = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), count);
    return code == 1 ? Result::kDone : SslResult(code);
  }
  const ssize_t sent = send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (sent >= 0) {
    *count = static_cast<size_t>(sent);
    return Result::kDone;
  }
  return errno == EAGAIN || errno == EINTR ? Result::kWantWrite : Result::kClosed;
}

void Socket::Close() {
  ssl_.reset();
  if (fd_ >= 0) close(fd_);
  fd_ = -1;
}

void RaiseDescriptorLimit() {
  uint64_t most = 0;
  std::ifstream("/proc/sys/fs/nr_open") >> most;
  rlimit wanted = {most, most};
  if (most > 0 && setrlimit(RLIMIT_NOFILE, &wanted) == 0) return;
  rlimit limit = {};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace carillon::bench
