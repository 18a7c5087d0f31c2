#include "wsfacade/net/transport.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "deploy/program/tls_files.h"
#include "tests/unit/program/scratch_folder.h"
#include "tests/unit/program/test_certificate.h"
#include "wsfacade/net/tls_context.h"

namespace carillon::facade {
namespace {

struct SslDeleter {
  void operator()(SSL* ssl) const { SSL_free(ssl); }
};

// A Transport and a TLS client of it, which reads only what it is told to.
class TransportTest : public ::testing::Test {
 protected:
  TransportTest() {
    int ends[2];
    EXPECT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends), 0);
    server_socket_ = ends[0];
    client_socket_ = ends[1];
    const program::TestCertificate made = program::MakeTestCertificate();
    server_tls_ =
        MakeTlsContext(folder_.Write("cert", made.certificate), folder_.Write("key", made.key))
            .value();
    transport_ = std::make_unique<Transport>(server_socket_, server_tls_.get());
    client_.reset(SSL_new(client_tls_.get()));
    SSL_set_fd(client_.get(), client_socket_);
    SSL_set_connect_state(client_.get());
  }
  ~TransportTest() override {
    transport_.reset();
    close(server_socket_);
    close(client_socket_);
  }

  void ShakeHands() {
    IoStatus server = IoStatus::kWantRead;
    int client = 0;
    while (client != 1 || server != IoStatus::kOk) {
      if (client != 1) client = SSL_do_handshake(client_.get());
      if (server != IoStatus::kOk) server = transport_->Handshake();
      ASSERT_NE(server, IoStatus::kBroken) << transport_->error();
    }
  }

  // Reads all there is; whether the connection is still good.
  bool ReadAll() {
    char buffer[1024];
    IoResult result = {IoStatus::kOk};
    while (result.status == IoStatus::kOk) result = transport_->Read(absl::MakeSpan(buffer));
    return result.status == IoStatus::kWantRead;
  }

  program::ScratchFolder folder_;
  program::SslContextPtr server_tls_;
  const program::SslContextPtr client_tls_{SSL_CTX_new(TLS_client_method())};
  int server_socket_ = -1;
  int client_socket_ = -1;
  std::unique_ptr<Transport> transport_;
  std::unique_ptr<SSL, SslDeleter> client_;
};

TEST_F(TransportTest, AClientThatAsksForNewKeysAndReadsNothingIsGivenUp) {
  ShakeHands();
  bool good = true;
  for (int i = 0; good && i < 100'000; ++i) {
    ASSERT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_write(client_.get(), "x", 1), 1);
    good = ReadAll();
  }
  EXPECT_FALSE(good);
  EXPECT_LE(transport_->unsent_bytes(), 300u << 10);
}

TEST_F(TransportTest, AClientThatAsksForNewKeysAndReadsIsAnswered) {
  ShakeHands();
  for (int i = 0; i < 10'000; ++i) {
    ASSERT_EQ(SSL_key_update(client_.get(), SSL_KEY_UPDATE_REQUESTED), 1);
    ASSERT_EQ(SSL_write(client_.get(), "x", 1), 1);
    ASSERT_TRUE(ReadAll()) << transport_->error();
    char byte;
    ASSERT_LT(SSL_read(client_.get(), &byte, 1), 1);
  }
  EXPECT_EQ(transport_->unsent_bytes(), 0u);
}

}  // namespace
}  // namespace carillon::facade
