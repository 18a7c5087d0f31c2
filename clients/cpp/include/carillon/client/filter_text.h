// The text form of filters, "type.action.key", as the websocket protocol and the command line use
// it.
#ifndef CARILLON_CLIENT_FILTER_TEXT_H_
#define CARILLON_CLIENT_FILTER_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::client {

// Three parts, parted at the first two dots. Each is "*" (anything) or a comma-separated list of
// items (spaces around an item are dropped); in an item "\1" stands for ".", "\2" for ",", "\3" for
// "*", and an unescaped trailing "*" makes the rest of it a prefix. Equal filters in different
// words (order, repeats) give equal messages. INVALID_ARGUMENT with a message that says what is
// wrong and what would be right.
absl::StatusOr<v1::Filter> ParseFilterText(absl::string_view text);

// The text for a filter without conditions.
std::string FormatFilterText(const v1::Filter& filter);

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_FILTER_TEXT_H_
