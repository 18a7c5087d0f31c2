// What requests to AccountService ask for, checked: values in, values out.
#ifndef CARILLON_BROKER_ACCESS_ACCOUNT_REQUESTS_H_
#define CARILLON_BROKER_ACCESS_ACCOUNT_REQUESTS_H_

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "broker/access/account_directory.h"
#include "broker/access/scope.h"
#include "broker/access/session.h"
#include "carillon/v1/account_service.pb.h"

namespace carillon::access {

// The grant for a token of `user`. It never holds more than `limits`, the credentials of a caller
// who asks for a token of their own without a claim for it; null: not limited. INVALID_ARGUMENT: a
// ttl beyond 1 second to `ttl_max`, a role that the user or the limits lack, a claim that is none
// or has nothing in common with the limits', or a narrowing too large for a token.
absl::StatusOr<Grant> TokenGrant(const v1::GrantTokenRequest& request, const DirectoryUser& user,
                                 const Grant* limits, absl::Duration ttl_max, absl::Time now);

// Whether `role` is well-formed (a name, at most 1,000 claims, at most 1 MiB) and whoever has
// `scope` may make it. INVALID_ARGUMENT, PERMISSION_DENIED.
absl::Status CheckRole(const v1::Role& role, const Scope& scope);

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_ACCOUNT_REQUESTS_H_
