// Whether a text is JSON.
#ifndef CARILLON_BROKER_JSON_CHECK_H_
#define CARILLON_BROKER_JSON_CHECK_H_

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace carillon::json {

// How deep arrays and objects of an event may be nested; event.proto promises it to publishers.
// Each level takes a few hundred bytes of stack.
inline constexpr int kDepthMax = 1'000;

// OK if `text` is one JSON text by RFC 8259, in UTF-8, with arrays and objects nested at most
// kDepthMax deep. Numbers may have any size and
// precision, names may repeat. Refused beyond the grammar: a byte order mark, and \u escapes of
// surrogates that do not form a pair, for they stand for no text. INVALID_ARGUMENT says what is
// wrong and at which byte. Pure; allocates only on error. Any thread.
absl::Status Check(absl::string_view text);

}  // namespace carillon::json

#endif  // CARILLON_BROKER_JSON_CHECK_H_
