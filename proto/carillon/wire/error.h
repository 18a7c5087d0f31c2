// Errors with google.rpc details, the same on both sides of the wire: in the broker absl::Status
// carries the details as payloads, on the wire they travel as a google.rpc.Status in the trailer,
// in a client they come out as payloads again.
#ifndef CARILLON_WIRE_ERROR_H_
#define CARILLON_WIRE_ERROR_H_

#include <grpcpp/support/status.h>

#include <initializer_list>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"

namespace carillon::wire {

// ErrorInfo.domain of every error.
inline constexpr absl::string_view kErrorDomain = "carillon.v1";

// An error with an ErrorInfo; `reason` in UPPER_SNAKE_CASE.
absl::Status Error(
    absl::StatusCode code, absl::string_view reason, absl::string_view message,
    std::initializer_list<std::pair<absl::string_view, absl::string_view>> metadata = {});
// INVALID_ARGUMENT, reason FIELD_INVALID, with a BadRequest for one field; the message is "field:
// description".
absl::Status FieldError(absl::string_view field, absl::string_view description);
// The same for an error whose message begins with "path: ", as compilers of filters and claims
// give.
absl::Status FieldErrorFromMessage(const absl::Status& error, absl::string_view path_prefix);
// Adds a RetryInfo.
absl::Status WithRetry(absl::Status status, absl::Duration delay);

std::optional<google::rpc::ErrorInfo> ErrorInfoOf(const absl::Status& status);
std::optional<google::rpc::BadRequest> BadRequestOf(const absl::Status& status);
std::optional<absl::Duration> RetryDelayOf(const absl::Status& status);

google::rpc::Status ToRpcStatus(const absl::Status& status);
absl::Status FromRpcStatus(const google::rpc::Status& status);
grpc::Status ToGrpcStatus(const absl::Status& status);
absl::Status FromGrpcStatus(const grpc::Status& status);

}  // namespace carillon::wire

#endif  // CARILLON_WIRE_ERROR_H_
