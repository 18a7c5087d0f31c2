#include "carillon/client/connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "absl/strings/str_cat.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

std::string WriteFile(const std::string& name, const std::string& text) {
  const std::string path = absl::StrCat(testing::TempDir(), "/", name);
  std::ofstream(path) << text;
  return path;
}

absl::Status OpenError(const ConnectionOptions& options) {
  return Connection::Open(options).status();
}

absl::Status GetStatus(const Connection& connection) {
  grpc::ClientContext context;
  if (absl::Status status = connection.Authorize(&context); !status.ok()) return status;
  v1::GetStatusResponse response;
  const grpc::Status status =
      v1::EventService::NewStub(connection.channel())->GetStatus(&context, {}, &response);
  return absl::Status(static_cast<absl::StatusCode>(status.error_code()), status.error_message());
}

TEST(ConnectionTest, SendsTheCredentialsWithEachCall) {
  FakeBroker broker;
  ConnectionOptions none, user, token, file;
  user.user = "rocketskates:r0cketsk8ts";
  token.token = "abc.def";
  file.token_file = WriteFile("token", " from-file \n");
  for (const ConnectionOptions& options : {none, user, token, file}) {
    EXPECT_TRUE(GetStatus(*broker.Connect(options)).ok());
  }
  EXPECT_THAT(broker.authorizations(), ElementsAre("", "Basic cm9ja2V0c2thdGVzOnIwY2tldHNrOHRz",
                                                   "Bearer abc.def", "Bearer from-file"));
}

TEST(ConnectionTest, ReadsTheTokenFileAgainForEachCall) {
  FakeBroker broker;
  ConnectionOptions options;
  options.token_file = WriteFile("renewed", "one");
  const auto connection = broker.Connect(options);
  EXPECT_TRUE(GetStatus(*connection).ok());
  WriteFile("renewed", "two");
  EXPECT_TRUE(GetStatus(*connection).ok());
  EXPECT_THAT(broker.authorizations(), ElementsAre("Bearer one", "Bearer two"));
}

TEST(ConnectionTest, ATokenFileThatHoldsNoTokenFailsTheCallWithoutTellingItsText) {
  FakeBroker broker;
  for (const char* text : {"", " \n", "two words", "line\nbreak", "\x01", "gr\u00fcn"}) {
    ConnectionOptions options;
    options.token_file = WriteFile("bad_token", text);
    const absl::Status status = GetStatus(*broker.Connect(options));
    EXPECT_TRUE(absl::IsUnauthenticated(status)) << status;
    EXPECT_THAT(std::string(status.message()), HasSubstr("bad_token"));
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("words")));
  }
}

TEST(ConnectionTest, WhatIsNoAddressIsRefused) {
  for (const char* broker :
       {"", "localhost", ":8093", "localhost:", "localhost:0", "localhost:65536", "localhost:http",
        "https://localhost:8093", "local host:8093", "unix:/tmp/socket:1"}) {
    ConnectionOptions options;
    options.broker = broker;
    EXPECT_TRUE(absl::IsInvalidArgument(OpenError(options))) << broker;
  }
  for (const char* broker : {"localhost:8093", "[::1]:8093", "broker.example.com:1"}) {
    ConnectionOptions options;
    options.broker = broker;
    EXPECT_TRUE(OpenError(options).ok()) << broker;
  }
}

TEST(ConnectionTest, ContradictionsAreRefusedWithoutTellingSecrets) {
  ConnectionOptions two, no_password, spaced, half, plain;
  two.user = "fred:SECRET";
  two.token = "SECRET";
  no_password.user = "SECRET";
  spaced.token = "SECRET token";
  half.cert_file = "cert.pem";
  plain.cert_file = plain.key_file = "cert.pem";
  plain.plaintext = true;
  for (const ConnectionOptions& options : {two, no_password, spaced, half, plain}) {
    const absl::Status status = OpenError(options);
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    EXPECT_THAT(std::string(status.message()), Not(HasSubstr("SECRET")));
  }
}

TEST(ConnectionTest, FilesThatAreMissingOrNotPemAreNamed) {
  const std::string no_pem = WriteFile("no.pem", "hello");
  ConnectionOptions missing_ca, bad_ca, missing_token;
  missing_ca.ca_file = "/nowhere/ca.pem";
  bad_ca.ca_file = no_pem;
  missing_token.token_file = "/nowhere/token";
  EXPECT_TRUE(absl::IsNotFound(OpenError(missing_ca)));
  EXPECT_THAT(std::string(OpenError(missing_ca).message()), HasSubstr("/nowhere/ca.pem"));
  EXPECT_TRUE(absl::IsInvalidArgument(OpenError(bad_ca)));
  EXPECT_THAT(std::string(OpenError(bad_ca).message()), HasSubstr("ca_file"));
  EXPECT_TRUE(absl::IsNotFound(OpenError(missing_token)));
}

}  // namespace
}  // namespace carillon::client
