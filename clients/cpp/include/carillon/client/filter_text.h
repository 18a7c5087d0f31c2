// The text form of filters, "type.action.key", as the websocket protocol and the command line use
// it.
#ifndef CARILLON_CLIENT_FILTER_TEXT_H_
#define CARILLON_CLIENT_FILTER_TEXT_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "carillon/v1/filter.pb.h"

namespace carillon::client {

// Three parts, parted at the first two dots: a key may hold dots and spaces. Each is "*" (anything)
// or a comma-separated list of items (spaces around an item are dropped); in an item "\1"
// stands for ".", "\2" for ",", "\3" for "*", "\\" for "\" and "\ " for a space that is not
// dropped; an unescaped trailing "*" makes the rest of it a prefix. An item that is only "*" makes
// the whole part match anything.
//
// Equal filters in different words (order, repeats) give equal messages: values and prefixes are
// sorted and named once. INVALID_ARGUMENT with a message that says what is wrong and what would be
// right; limits are those of carillon.v1.Filter.
absl::StatusOr<v1::Filter> ParseFilterText(absl::string_view text);

// The text that ParseFilterText reads as `filter`. Conditions and empty values have no text: a
// filter with them is not to be passed here.
std::string FormatFilterText(const v1::Filter& filter);

}  // namespace carillon::client

#endif  // CARILLON_CLIENT_FILTER_TEXT_H_
