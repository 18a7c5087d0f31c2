#include "clients/cli/exit_code.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "carillon/wire/error.h"

namespace carillon::cli {
namespace {

using ::testing::HasSubstr;

TEST(ExitCodes, TellUnreachableDeniedRefusedAndLostPositionsApart) {
  EXPECT_EQ(ExitCodeFor(absl::OkStatus()), ExitCode::kOk);
  EXPECT_EQ(ExitCodeFor(absl::UnavailableError("")), ExitCode::kUnreachable);
  EXPECT_EQ(ExitCodeFor(absl::UnauthenticatedError("")), ExitCode::kDenied);
  EXPECT_EQ(ExitCodeFor(absl::PermissionDeniedError("")), ExitCode::kDenied);
  EXPECT_EQ(ExitCodeFor(absl::OutOfRangeError("")), ExitCode::kPosition);
  EXPECT_EQ(ExitCodeFor(absl::AlreadyExistsError("")), ExitCode::kFailed);
  EXPECT_EQ(ExitCodeFor(wire::Error(absl::StatusCode::kInvalidArgument, "POSITION_INVALID", "")),
            ExitCode::kPosition);
}

TEST(Explanations, SayWhereTheBrokerWasLookedForAndAskWhetherItRuns) {
  const std::string text = Explain(absl::UnavailableError("connection refused"), "host:8093");
  EXPECT_THAT(text, HasSubstr("cannot reach the broker at host:8093"));
  EXPECT_THAT(text, HasSubstr("is it running"));
}

TEST(Explanations, NameTheFlagForACertificateThatIsNotTrusted) {
  EXPECT_THAT(Explain(absl::UnavailableError("Ssl handshake failed: CERTIFICATE_VERIFY_FAILED"),
                      "host:8093"),
              HasSubstr("--ca FILE"));
}

TEST(Explanations, NameTheFlagForABrokerWithoutTls) {
  EXPECT_THAT(Explain(absl::UnavailableError("SSL routines::wrong version number"), "host:8093"),
              HasSubstr("--plaintext"));
}

TEST(Explanations, NameTheFlagsForCredentials) {
  EXPECT_THAT(Explain(absl::UnauthenticatedError("wrong password"), "host:8093"),
              HasSubstr("--user NAME:PASSWORD"));
}

TEST(Explanations, OfATrimmedPositionGiveTheOneToGoOnWith) {
  const absl::Status error = wire::Error(absl::StatusCode::kOutOfRange, "POSITION_TRIMMED", "gone",
                                         {{"earliest", "AAAAAAAAAAAAAAAA"}});
  EXPECT_THAT(Explain(error, "host:8093"), HasSubstr("--after AAAAAAAAAAAAAAAA"));
}

}  // namespace
}  // namespace carillon::cli
