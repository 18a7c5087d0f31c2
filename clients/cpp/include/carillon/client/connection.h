// How to reach a broker.
#ifndef CARILLON_CLIENT_CONNECTION_H_
#define CARILLON_CLIENT_CONNECTION_H_

#include <grpcpp/channel.h>
#include <grpcpp/client_context.h>

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace carillon::client {

struct ConnectionOptions {
  // HOST:PORT, for example "127.0.0.1:8093"; an IPv6 address in brackets.
  std::string broker = "127.0.0.1:8093";
  // PEM file of the authorities that may sign the broker's certificate; empty: the system's.
  std::string ca_file;
  // Without TLS, credentials included. Only for a broker on the same machine.
  bool plaintext = false;
  // One of these; all empty: no credentials. A token file is read again for each call, so that it
  // can be renewed in place: streams whose token ends begin anew with what the file holds then.
  std::string user;  // "name:password"
  std::string token;
  std::string token_file;
  // Client certificate and key, PEM files; both or none.
  std::string cert_file;
  std::string key_file;
};

// A channel to a broker and what authenticates the calls on it. Each Connection has a TCP
// connection of its own, which is made with the first call and again whenever it breaks; one that
// is silently dead is noticed within 40 seconds. Any thread.
class Connection {
 public:
  // Does not wait for the broker. INVALID_ARGUMENT or NOT_FOUND: an option or a file is unusable;
  // the message says which, and never holds a secret.
  static absl::StatusOr<std::shared_ptr<Connection>> Open(const ConnectionOptions& options);

  const std::shared_ptr<grpc::Channel>& channel() const { return channel_; }

  // Adds the "authorization" metadata to a call. Fails with UNAUTHENTICATED if the token file
  // cannot be read or holds no token.
  absl::Status Authorize(grpc::ClientContext* context) const;

  // Whether Authorize may add something else the next time: there is a token file.
  bool rereads_credentials() const { return !options_.token_file.empty(); }

 private:
  Connection(ConnectionOptions options, std::shared_ptr<grpc::Channel> channel);
  ConnectionOptions options_;
  std::shared_ptr<grpc::Channel> channel_;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_CONNECTION_H_
