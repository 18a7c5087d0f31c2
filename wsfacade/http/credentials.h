// Where a request carries its user's credentials. Pure.
#ifndef CARILLON_WSFACADE_HTTP_CREDENTIALS_H_
#define CARILLON_WSFACADE_HTTP_CREDENTIALS_H_

#include <string>

#include "absl/strings/string_view.h"
#include "wsfacade/http/target.h"

namespace carillon::facade {

// The broker's limit for an authorization value.
inline constexpr size_t kAuthorizationBytesMax = 8 << 10;

// In the form of an Authorization header: `header`, the request's, if it is not empty, else made
// from the query's "token" ("user:password" is Basic, anything else Bearer). "" if there are none,
// or they cannot be any: neither Basic nor Bearer, larger than kAuthorizationBytesMax, or with
// control characters.
std::string AuthorizationOf(absl::string_view header, const Target& target);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HTTP_CREDENTIALS_H_
