#include "carillon/client/connection.h"

#include <grpcpp/create_channel.h>
#include <grpcpp/security/credentials.h>
#include <grpcpp/support/channel_arguments.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <sstream>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"

namespace carillon::client {
namespace {

// The largest event that a broker can be told to take, and what comes with it.
constexpr int kReceiveMessageBytesMax = (64 + 2) << 20;
constexpr int kKeepaliveTimeMs = 30'000;
constexpr int kKeepaliveTimeoutMs = 10'000;
// For TCP and TLS together; a busy machine or a distant one takes its time.
constexpr int kConnectTimeoutMs = 10'000;
constexpr int kReconnectBackoffMinMs = 100;
constexpr int kReconnectBackoffMaxMs = 2'000;

absl::StatusOr<std::string> ReadFile(absl::string_view option, const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  if (file) text << file.rdbuf();
  if (!file) {
    return absl::NotFoundError(
        absl::StrCat(option, ": cannot read ", path, ": ", std::strerror(errno)));
  }
  return text.str();
}

absl::StatusOr<std::string> ReadPem(absl::string_view option, const std::string& path) {
  absl::StatusOr<std::string> text = ReadFile(option, path);
  if (text.ok() && !absl::StrContains(*text, "-----BEGIN ")) {
    return absl::InvalidArgumentError(
        absl::StrCat(option, ": ", path, " is not a PEM file (no \"-----BEGIN\" line)"));
  }
  return text;
}

// What an HTTP header may hold. gRPC aborts the program when it is handed anything else.
bool IsHeaderText(absl::string_view text) {
  return !text.empty() &&
         std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c <= '~'; });
}

absl::Status CheckAddress(absl::string_view broker) {
  const size_t colon = broker.rfind(':');
  int port;
  const bool has_port = colon != absl::string_view::npos && colon > 0 &&
                        absl::SimpleAtoi(broker.substr(colon + 1), &port) && port >= 1 &&
                        port <= 65535;
  if (has_port && !absl::StrContains(broker, '/') && IsHeaderText(broker)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat(
      "broker: \"", broker, "\" is not an address; HOST:PORT is, such as 127.0.0.1:8093"));
}

absl::Status CheckCredentials(const ConnectionOptions& options) {
  if (!options.user.empty() + !options.token.empty() + !options.token_file.empty() > 1) {
    return absl::InvalidArgumentError("only one of user, token and token_file may be given");
  }
  if (!options.user.empty() && !absl::StrContains(options.user, ':')) {
    return absl::InvalidArgumentError("user: there is no \":\" in it; name:password is expected");
  }
  if (!options.token.empty() && !IsHeaderText(options.token)) {
    return absl::InvalidArgumentError("token: holds spaces or other characters no token has");
  }
  if (options.cert_file.empty() != options.key_file.empty()) {
    return absl::InvalidArgumentError("cert_file and key_file: give both or none");
  }
  if (options.plaintext && !options.cert_file.empty()) {
    return absl::InvalidArgumentError("cert_file: a client certificate needs TLS; leave plaintext");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> MakeCredentials(
    const ConnectionOptions& options) {
  if (options.plaintext) return grpc::InsecureChannelCredentials();
  grpc::SslCredentialsOptions ssl;
  const std::pair<absl::string_view, std::pair<const std::string*, std::string*>> files[] = {
      {"ca_file", {&options.ca_file, &ssl.pem_root_certs}},
      {"cert_file", {&options.cert_file, &ssl.pem_cert_chain}},
      {"key_file", {&options.key_file, &ssl.pem_private_key}}};
  for (const auto& [option, file] : files) {
    const auto& [path, pem] = file;
    if (path->empty()) continue;
    absl::StatusOr<std::string> text = ReadPem(option, *path);
    if (!text.ok()) return text.status();
    *pem = *std::move(text);
  }
  return grpc::SslCredentials(ssl);
}

grpc::ChannelArguments MakeArguments() {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kReceiveMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveTimeMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIMEOUT_MS, kKeepaliveTimeoutMs);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
  arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, kReconnectBackoffMinMs);
  // Despite its name: how long an attempt to connect may take.
  arguments.SetInt(GRPC_ARG_MIN_RECONNECT_BACKOFF_MS, kConnectTimeoutMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectBackoffMaxMs);
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  return arguments;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Connection>> Connection::Open(const ConnectionOptions& options) {
  absl::Status status = CheckAddress(options.broker);
  if (status.ok()) status = CheckCredentials(options);
  if (!status.ok()) return status;
  if (!options.token_file.empty()) {
    absl::StatusOr<std::string> token = ReadFile("token_file", options.token_file);
    if (!token.ok()) return token.status();
  }
  absl::StatusOr<std::shared_ptr<grpc::ChannelCredentials>> credentials = MakeCredentials(options);
  if (!credentials.ok()) return credentials.status();
  return std::shared_ptr<Connection>(new Connection(
      options, grpc::CreateCustomChannel(options.broker, *credentials, MakeArguments())));
}

Connection::Connection(ConnectionOptions options, std::shared_ptr<grpc::Channel> channel)
    : options_(std::move(options)), channel_(std::move(channel)) {}

absl::Status Connection::Authorize(grpc::ClientContext* context) const {
  if (!options_.user.empty()) {
    context->AddMetadata("authorization",
                         absl::StrCat("Basic ", absl::Base64Escape(options_.user)));
  } else if (!options_.token.empty()) {
    context->AddMetadata("authorization", absl::StrCat("Bearer ", options_.token));
  } else if (!options_.token_file.empty()) {
    const absl::StatusOr<std::string> text = ReadFile("token_file", options_.token_file);
    if (!text.ok()) return absl::UnauthenticatedError(text.status().message());
    const absl::string_view token = absl::StripAsciiWhitespace(*text);
    if (!IsHeaderText(token)) {
      return absl::UnauthenticatedError(
          absl::StrCat("token_file: ", options_.token_file, " does not hold one token"));
    }
    context->AddMetadata("authorization", absl::StrCat("Bearer ", token));
  }
  return absl::OkStatus();
}

}  // namespace carillon::client
