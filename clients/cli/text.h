// What users type on the command line, turned into values. No input or output here. All errors are
// INVALID_ARGUMENT with a message that says what is wrong and what would be right.
#ifndef CARILLON_CLIENTS_CLI_TEXT_H_
#define CARILLON_CLIENTS_CLI_TEXT_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "carillon/v1/account_service.pb.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::cli {

// "600" (seconds), "10m", "1h30m", "250ms".
absl::StatusOr<absl::Duration> ParseDurationText(absl::string_view text);

// RFC 3339 with a zone, such as "2017-12-21T23:26:43.412554192Z".
absl::StatusOr<absl::Time> ParseTimeText(absl::string_view text);

// "POINTER OPERATOR VALUE", such as "/Meta/color = blue" or "/Size >= 10". Operators: = != < <= >
// >= ^= (begins with), and exists and missing, which take no value. A value is read as JSON if it
// is JSON (number, true, false, null, "string"), and as a string otherwise.
absl::StatusOr<v1::Condition> ParseCondition(absl::string_view text);

// "scope.action.specific", split at the first two dots; each part is "*", a value or a
// comma-separated list. "\1" stands for a dot.
absl::StatusOr<v1::Claim> ParseClaim(absl::string_view text);

// "a, b,c" without the spaces around items.
std::vector<std::string> SplitList(absl::string_view text);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_TEXT_H_
