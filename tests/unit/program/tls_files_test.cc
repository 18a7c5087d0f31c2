#include "deploy/program/tls_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/unit/program/scratch_folder.h"
#include "tests/unit/program/test_certificate.h"

namespace carillon::program {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class TlsFilesTest : public ::testing::Test {
 protected:
  static std::string Message(const absl::Status& status) {
    EXPECT_TRUE(absl::IsInvalidArgument(status)) << status;
    return std::string(status.message());
  }

  ScratchFolder folder_;
  const TestCertificate one_ = MakeTestCertificate();
  const std::string certificate_ = folder_.Write("one.pem", one_.certificate);
  const std::string key_ = folder_.Write("one.key", one_.key);
  const std::string other_key_ = folder_.Write("other.key", MakeTestCertificate().key);
  const std::string nonsense_ = folder_.Write("nonsense.pem", "PEM");
};

TEST_F(TlsFilesTest, ACertificateGoesWithItsOwnKey) {
  EXPECT_EQ(CheckKeyPair(certificate_, key_), absl::OkStatus());
  const std::string other_kind = folder_.Write("other_kind.key", MakeEd25519Key());
  for (const std::string& other : {other_key_, other_kind}) {
    EXPECT_THAT(Message(CheckKeyPair(certificate_, other)),
                AllOf(HasSubstr(certificate_), HasSubstr(other)));
  }
}

TEST_F(TlsFilesTest, FilesThatHoldSomethingElseAreNamed) {
  EXPECT_THAT(Message(CheckKeyPair(nonsense_, key_)), HasSubstr(nonsense_));
  EXPECT_THAT(Message(CheckKeyPair(certificate_, nonsense_)), HasSubstr(nonsense_));
  EXPECT_THAT(Message(CheckKeyPair(certificate_, certificate_)), HasSubstr("private key"));
  EXPECT_THAT(Message(CheckAuthorities(key_)), HasSubstr(key_));
}

TEST_F(TlsFilesTest, AnAuthorityIsACertificate) {
  EXPECT_EQ(CheckAuthorities(certificate_), absl::OkStatus());
}

TEST_F(TlsFilesTest, NoFilesAreNoMistake) {
  EXPECT_EQ(CheckKeyPair("", ""), absl::OkStatus());
  EXPECT_EQ(CheckAuthorities(""), absl::OkStatus());
}

}  // namespace
}  // namespace carillon::program
