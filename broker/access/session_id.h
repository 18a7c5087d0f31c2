// Session ids: what was granted to a user, in a form that a facade can keep and hand back.
//
// There is one for each browser, here and in the facade, so they are short: the encoded
// SessionIdPayload and its HMAC-SHA256, cut to 128 bits, in URL-safe base64.
#ifndef CARILLON_BROKER_ACCESS_SESSION_ID_H_
#define CARILLON_BROKER_ACCESS_SESSION_ID_H_

#include <optional>
#include <string>

#include "absl/strings/string_view.h"
#include "broker/access/session.h"

namespace carillon::access {

// A new one each time, good for `owner` alone. At most 4 KiB; if the grant is not narrowed, about
// 83 bytes and four for each three of the user's name. `key` is 32 bytes.
std::string SealSessionId(const Grant& grant, absl::string_view owner, absl::string_view key);

// Nothing: not sealed with this key for this owner.
std::optional<Grant> UnsealSessionId(absl::string_view id, absl::string_view owner,
                                     absl::string_view key);

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_SESSION_ID_H_
