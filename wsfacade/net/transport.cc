#include "wsfacade/net/transport.h"

#include <openssl/err.h>
#include <sys/socket.h>

#include <cerrno>
#include <system_error>

#include "absl/base/internal/raw_logging.h"
#include "deploy/program/tls_files.h"

namespace carillon::facade {
namespace {

// Records gathered for one system call. More would be copied for little gain.
constexpr size_t kGatherBytes = 64 << 10;
// What is written stays far below. More is what TLS itself has to answer a client that does not
// read: new keys, or that there is no renegotiation.
constexpr size_t kUnsentBytesMax = 256 << 10;
// Of the socket in one Read, which may find nothing for its caller in very many bytes.
constexpr size_t kReadBytesMax = 256 << 10;

// The records of the transport that the thread is writing to.
std::string& Gathered() {
  static thread_local std::string gathered;
  return gathered;
}

// Whose they are.
thread_local const Transport* gatherer = nullptr;

}  // namespace

// OpenSSL's view of the socket: reads come from it, writes are gathered.
struct GatheringBio {
  static int Read(BIO* bio, char* buffer, int size) {
    BIO_clear_retry_flags(bio);
    Transport* const transport = Of(bio);
    if (transport->bytes_read_ >= kReadBytesMax) {
      BIO_set_retry_read(bio);
      return -1;
    }
    const ssize_t count = recv(transport->socket_, buffer, static_cast<size_t>(size), 0);
    if (count > 0) transport->bytes_read_ += static_cast<size_t>(count);
    if (count == 0) BIO_set_flags(bio, BIO_FLAGS_IN_EOF);
    if (count < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR)) {
      BIO_set_retry_read(bio);
    }
    return static_cast<int>(count);
  }

  static int Write(BIO* bio, const char* bytes, int size) {
    BIO_clear_retry_flags(bio);
    ABSL_RAW_CHECK(Gathered().empty() || gatherer == Of(bio), "records of another were not sent");
    gatherer = Of(bio);
    if (Gathered().size() + gatherer->unsent_bytes() > kUnsentBytesMax) {
      errno = ENOBUFS;
      return -1;
    }
    Gathered().append(bytes, static_cast<size_t>(size));
    return size;
  }

  static long Control(BIO* bio, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH:
        return 1;
      case BIO_CTRL_EOF:
        return BIO_test_flags(bio, BIO_FLAGS_IN_EOF) != 0 ? 1 : 0;
      default:
        return 0;
    }
  }

  static const BIO_METHOD* Method() {
    static const BIO_METHOD* const method = [] {
      BIO_METHOD* const made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "socket");
      BIO_meth_set_read(made, Read);
      BIO_meth_set_write(made, Write);
      BIO_meth_set_ctrl(made, Control);
      return made;
    }();
    return method;
  }

  static BIO* New(Transport* transport) {
    BIO* const bio = BIO_new(Method());
    BIO_set_data(bio, transport);
    BIO_set_init(bio, 1);
    return bio;
  }

  static Transport* Of(BIO* bio) { return static_cast<Transport*>(BIO_get_data(bio)); }
};

Transport::Transport(int socket, SSL_CTX* tls) : socket_(socket) {
  if (tls == nullptr) return;
  ssl_.reset(SSL_new(tls));
  BIO* const bio = GatheringBio::New(this);
  SSL_set_bio(ssl_.get(), bio, bio);
  SSL_set_accept_state(ssl_.get());
}

Transport::~Transport() = default;

IoStatus Transport::SocketVerdict(IoStatus would_block) {
  if (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR) return would_block;
  error_ = std::make_unique<std::string>(std::system_category().message(errno));
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
      error_ = std::make_unique<std::string>(program::TakeSslError());
      if (error_->empty()) {
        *error_ = system_error != 0 ? std::system_category().message(system_error)
                                    : "connection ended in the handshake";
      }
      return IoStatus::kBroken;
  }
}

IoStatus Transport::Handshake() {
  if (ssl_ == nullptr) return IoStatus::kOk;
  if (const IoStatus pushed = Push(); pushed != IoStatus::kOk) return pushed;
  ERR_clear_error();
  errno = 0;
  bytes_read_ = 0;
  const int result = SSL_do_handshake(ssl_.get());
  const IoStatus verdict = result == 1 ? IoStatus::kOk : SslVerdict(result);
  const IoStatus pushed = Push();
  // An alert that says why it failed may have been sent.
  return verdict == IoStatus::kWantRead && pushed != IoStatus::kOk ? pushed : verdict;
}

IoResult Transport::Read(absl::Span<char> buffer) {
  if (ssl_ == nullptr) {
    const ssize_t count = recv(socket_, buffer.data(), buffer.size(), 0);
    if (count > 0) return {IoStatus::kOk, static_cast<size_t>(count)};
    return {count == 0 ? IoStatus::kEnd : SocketVerdict(IoStatus::kWantRead)};
  }
  ERR_clear_error();
  errno = 0;
  bytes_read_ = 0;
  size_t count = 0;
  const int result = SSL_read_ex(ssl_.get(), buffer.data(), buffer.size(), &count);
  const IoStatus verdict = result == 1 ? IoStatus::kOk : SslVerdict(result);
  // Reading may have to answer: with new keys, or an alert.
  if (!Gathered().empty() && Push() == IoStatus::kBroken) return {IoStatus::kBroken};
  return {verdict, count};
}

IoResult Transport::Write(absl::string_view bytes) {
  if (ssl_ == nullptr) {
    const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    if (count > 0) return {IoStatus::kOk, static_cast<size_t>(count)};
    return {SocketVerdict(IoStatus::kWantWrite)};
  }
  if (is_blocked() || Gathered().size() >= kGatherBytes) {
    if (const IoStatus pushed = Push(); pushed != IoStatus::kOk) return {pushed};
  }
  ERR_clear_error();
  errno = 0;
  size_t count = 0;
  const int result = SSL_write_ex(ssl_.get(), bytes.data(), bytes.size(), &count);
  if (result == 1) return {IoStatus::kOk, count};
  const IoStatus verdict = SslVerdict(result);
  if (verdict == IoStatus::kBroken) Gathered().clear();
  return {verdict};
}

ssize_t Transport::SendSome(absl::string_view bytes) {
  const ssize_t count = send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
  if (count >= 0) return count;
  return SocketVerdict(IoStatus::kWantWrite) == IoStatus::kBroken ? -1 : 0;
}

IoStatus Transport::Push() {
  std::string& gathered = Gathered();
  if (unsent_ != nullptr) {
    unsent_->append(gathered);
    gathered.clear();
    const ssize_t sent = SendSome(*unsent_);
    if (sent < 0) return IoStatus::kBroken;
    unsent_->erase(0, static_cast<size_t>(sent));
    if (!unsent_->empty()) return IoStatus::kWantWrite;
    unsent_ = nullptr;
    return IoStatus::kOk;
  }
  if (gathered.empty()) return IoStatus::kOk;
  const ssize_t sent = SendSome(gathered);
  if (sent >= 0 && static_cast<size_t>(sent) < gathered.size()) {
    unsent_ = std::make_unique<std::string>(gathered, static_cast<size_t>(sent));
  }
  gathered.clear();
  if (sent < 0) return IoStatus::kBroken;
  return is_blocked() ? IoStatus::kWantWrite : IoStatus::kOk;
}

void Transport::SendEnd() {
  if (ssl_ != nullptr && SSL_is_init_finished(ssl_.get())) {
    ERR_clear_error();
    SSL_shutdown(ssl_.get());
    ERR_clear_error();
    Push();
  }
  shutdown(socket_, SHUT_WR);
}

}  // namespace carillon::facade
