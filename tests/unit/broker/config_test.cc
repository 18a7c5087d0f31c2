#include "broker/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/program/scratch_folder.h"
#include "tests/unit/program/test_certificate.h"

namespace carillon::broker {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

class ConfigTest : public ::testing::Test {
 protected:
  std::vector<std::string> Load(const std::vector<std::string>& arguments) {
    config_ = Config();
    program::OptionSet options{{.name = "carillon-broker", .summary = "A test.", .libraries = {}}};
    AddOptions(&options, &config_);
    return options.Load(arguments, {}).errors;
  }

  program::ScratchFolder folder_;
  const program::TestCertificate made_ = program::MakeTestCertificate();
  const std::string cert_ = folder_.Write("cert.pem", made_.certificate);
  const std::string key_ = folder_.Write("key.pem", made_.key);
  const std::string pem_ = folder_.Write("any.pem", "PEM");
  Config config_;
};

TEST_F(ConfigTest, WantsTlsOrAWordThatItIsNotWanted) {
  EXPECT_THAT(Load({}), ElementsAre(HasSubstr("--plaintext")));
  EXPECT_THAT(Load({"--plaintext"}), IsEmpty());
  EXPECT_THAT(Load({"--tls-cert", cert_, "--tls-key", key_}), IsEmpty());
  EXPECT_THAT(Load({"--tls-cert", cert_, "--tls-key", key_, "--plaintext"}),
              ElementsAre(HasSubstr("not both")));
}

TEST_F(ConfigTest, WantsCertificateAndKeyTogether) {
  EXPECT_THAT(Load({"--tls-cert", pem_}), ElementsAre(HasSubstr("go together")));
  EXPECT_THAT(Load({"--tls-key", pem_}), ElementsAre(HasSubstr("go together")));
  EXPECT_THAT(Load({"--tls-cert", cert_, "--tls-key", cert_}), ElementsAre(HasSubstr(cert_)));
}

TEST_F(ConfigTest, GoesWithoutTlsOnLoopbackAlone) {
  for (const char* loopback : {"127.0.0.1:0", "[::1]:8093", "localhost:8093"}) {
    EXPECT_THAT(Load({"--plaintext", "--listen", loopback}), IsEmpty()) << loopback;
  }
  for (const char* open : {"0.0.0.0:8093", "[::]:8093", "10.0.0.1:8093", "example.com:8093"}) {
    EXPECT_THAT(Load({"--plaintext", "--listen", open}), ElementsAre(HasSubstr("loopback")))
        << open;
  }
}

TEST_F(ConfigTest, ChecksClientCertificatesOnlyOverTls) {
  EXPECT_THAT(Load({"--plaintext", "--tls-client-ca", pem_}),
              ElementsAre(HasSubstr("--tls-client-ca needs TLS")));
  EXPECT_THAT(Load({"--tls-cert", cert_, "--tls-key", key_, "--tls-client-ca", cert_}), IsEmpty());
  EXPECT_THAT(Load({"--tls-cert", cert_, "--tls-key", key_, "--tls-client-ca", key_}),
              ElementsAre(HasSubstr(key_)));
}

TEST_F(ConfigTest, LetsTheLargestEventFitInARequest) {
  EXPECT_THAT(Load({"--plaintext", "--event-object-bytes-max", "2MiB"}), IsEmpty());
  EXPECT_THAT(Load({"--plaintext", "--event-object-bytes-max", "4MiB"}),
              ElementsAre(AllOf(HasSubstr("--request-bytes-max"), HasSubstr("8KiB"))));
  EXPECT_THAT(Load({"--plaintext", "--request-bytes-max", "1MiB"}),
              ElementsAre(AllOf(HasSubstr("--request-bytes-max"), HasSubstr("2MiB"))));
  EXPECT_THAT(
      Load({"--plaintext", "--event-object-bytes-max", "4MiB", "--request-bytes-max", "5MiB"}),
      IsEmpty());
}

TEST_F(ConfigTest, TakesLimitsToWhereTheyBelong) {
  ASSERT_THAT(
      Load({"--plaintext", "--log-bytes-max", "2GiB", "--log-age-max", "36h", "--outbox-bytes-max",
            "1MiB", "--token-ttl-max", "1h", "--streams-max", "5", "--metrics", ""}),
      IsEmpty());
  EXPECT_EQ(config_.log_bytes_max, uint64_t{2} << 30);
  EXPECT_EQ(config_.log_age_max, absl::Hours(36));
  EXPECT_EQ(config_.delivery.outbox_bytes_max, size_t{1} << 20);
  EXPECT_EQ(config_.access.token_ttl_max, absl::Hours(1));
  EXPECT_EQ(config_.delivery.streams_max, 5);
}

}  // namespace
}  // namespace carillon::broker
