#include "broker/service/publish_results.h"

#include <gtest/gtest.h>

#include <string>

#include "broker/log/position.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/error.h"

namespace carillon::service {
namespace {

constexpr uint32_t kEpoch = 7;

ingest::CheckedBatch::Accepted Accepted(uint32_t index) { return {index, 0, 0, 0}; }

ingest::CheckedBatch::Refused Refused(uint32_t index) {
  return {index, wire::FieldError("events[" + std::to_string(index) + "].type", "is bad")};
}

v1::PublishResponse Encode(const BatchVerdict& verdict, const absl::Status& commit,
                           const std::vector<log::AppendOutcome>& outcomes) {
  v1::PublishResponse response;
  EXPECT_TRUE(response.ParseFromString(EncodePublishResults(verdict, commit, outcomes, kEpoch)));
  return response;
}

// "+SEQUENCE", "=SEQUENCE" for a duplicate, or "!" and the message.
std::string Text(const v1::PublishResponse& response) {
  std::string text;
  for (const v1::PublishResult& result : response.results()) {
    if (!text.empty()) text += ' ';
    if (result.has_error()) {
      text += '!' + result.error().message();
      continue;
    }
    const auto position = log::DecodePosition(result.position());
    EXPECT_TRUE(position.ok() && position->epoch == kEpoch);
    text += (result.duplicate() ? '=' : '+') + std::to_string(position->sequence);
  }
  return text;
}

TEST(PublishResults, StandInTheOrderOfTheRequest) {
  const BatchVerdict verdict{{Accepted(1), Accepted(2), Accepted(4)},
                             {Refused(0), Refused(3), Refused(5), Refused(6)}};
  EXPECT_EQ(Text(Encode(verdict, absl::OkStatus(), {{10}, {11}, {12}})),
            "!events[0].type: is bad +10 +11 !events[3].type: is bad +12 "
            "!events[5].type: is bad !events[6].type: is bad");
}

TEST(PublishResults, TellDuplicatesAndWhereTheFirstOneIs) {
  const BatchVerdict verdict{{Accepted(0), Accepted(1)}, {}};
  EXPECT_EQ(Text(Encode(verdict, absl::OkStatus(), {{3, true}, {12, false}})), "=3 +12");
}

TEST(PublishResults, AVerdictCountsWhatItsErrorsTake) {
  BatchVerdict verdict{{}, {}};
  EXPECT_EQ(verdict.bytes(), 0u);
  for (uint32_t i = 0; i < 100; ++i) verdict.refused.push_back(Refused(i));
  const size_t answer = EncodePublishResults(verdict, absl::OkStatus(), {}, kEpoch).size();
  EXPECT_GT(verdict.bytes(), answer);
  EXPECT_LT(verdict.bytes(), 4 * answer);
}

TEST(PublishResults, AFailedCommitFailsAllThatWereAccepted) {
  const BatchVerdict verdict{{Accepted(0), Accepted(2)}, {Refused(1)}};
  EXPECT_EQ(Text(Encode(verdict, absl::ResourceExhaustedError("disk full"), {})),
            "!disk full !events[1].type: is bad !disk full");
}

TEST(PublishResults, ErrorsKeepCodeAndDetails) {
  const v1::PublishResponse response = Encode({{}, {Refused(0)}}, absl::OkStatus(), {});
  ASSERT_EQ(response.results_size(), 1);
  const absl::Status status = wire::FromRpcStatus(response.results(0).error());
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  ASSERT_TRUE(wire::BadRequestOf(status).has_value());
  EXPECT_EQ(wire::BadRequestOf(status)->field_violations(0).field(), "events[0].type");
}

TEST(PublishResults, OfPublishStreamAreTheSame) {
  const BatchVerdict verdict{{Accepted(0)}, {Refused(1)}};
  const std::string encoded =
      EncodePublishResults(verdict, absl::OkStatus(), std::vector<log::AppendOutcome>{{5}}, kEpoch);
  v1::PublishStreamResponse response;
  ASSERT_TRUE(response.ParseFromString(encoded));
  ASSERT_EQ(response.results_size(), 2);
  EXPECT_EQ(response.results(0).position(), log::PositionString({kEpoch, 5}));
}

}  // namespace
}  // namespace carillon::service
