#include "carillon/wire/error.h"

#include <gtest/gtest.h>

namespace carillon::wire {
namespace {

TEST(ErrorTest, SurvivesTheWayOverGrpcWithItsDetails) {
  const absl::Status sent = WithRetry(Error(absl::StatusCode::kResourceExhausted, "QUEUE_FULL",
                                            "the queue is full", {{"limit", "64"}}),
                                      absl::Milliseconds(1'500));
  const absl::Status received = FromGrpcStatus(ToGrpcStatus(sent));
  EXPECT_EQ(received.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(received.message(), "the queue is full");
  const auto info = ErrorInfoOf(received);
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "QUEUE_FULL");
  EXPECT_EQ(info->domain(), kErrorDomain);
  EXPECT_EQ(info->metadata().at("limit"), "64");
  EXPECT_EQ(RetryDelayOf(received), absl::Milliseconds(1'500));
}

TEST(ErrorTest, WithoutDetailsItKeepsCodeAndMessage) {
  const absl::Status received =
      FromGrpcStatus(grpc::Status(grpc::StatusCode::UNAVAILABLE, "no route"));
  EXPECT_EQ(received, absl::UnavailableError("no route"));
  EXPECT_TRUE(FromGrpcStatus(grpc::Status::OK).ok());
  EXPECT_TRUE(ToGrpcStatus(absl::OkStatus()).ok());
}

TEST(ErrorTest, DetailsOfAnotherStatusAreNotBelieved) {
  google::rpc::Status other;
  other.set_code(static_cast<int>(grpc::StatusCode::NOT_FOUND));
  const absl::Status received = FromGrpcStatus(
      grpc::Status(grpc::StatusCode::UNAVAILABLE, "no route", other.SerializeAsString()));
  EXPECT_EQ(received, absl::UnavailableError("no route"));
}

TEST(FieldErrorTest, NamesTheField) {
  const absl::Status status = FieldError("events[3].object", "must be JSON");
  EXPECT_EQ(status.message(), "events[3].object: must be JSON");
  const auto bad_request = BadRequestOf(status);
  ASSERT_TRUE(bad_request.has_value());
  EXPECT_EQ(bad_request->field_violations(0).field(), "events[3].object");
  EXPECT_EQ(bad_request->field_violations(0).description(), "must be JSON");
}

TEST(FieldErrorTest, PutsAPrefixBeforeThePathThatAMessageBeginsWith) {
  const absl::Status with_path =
      FieldErrorFromMessage(absl::InvalidArgumentError("type: must not be empty"), "filter");
  EXPECT_EQ(with_path.message(), "filter.type: must not be empty");
  const absl::Status without_path =
      FieldErrorFromMessage(absl::InvalidArgumentError("is too long"), "filter");
  EXPECT_EQ(without_path.message(), "filter: is too long");
}

}  // namespace
}  // namespace carillon::wire
