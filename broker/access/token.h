// Signs and checks tokens: JWTs (RFC 7519) with HS256 and nothing else.
#ifndef CARILLON_BROKER_ACCESS_TOKEN_H_
#define CARILLON_BROKER_ACCESS_TOKEN_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "broker/access/token_payload.pb.h"

namespace carillon::access {

// Longer ones are refused unread.
inline constexpr size_t kTokenBytesMax = 8192;

// `roles` and `claim` of a token, as JSON, take at most this much, so that a session id, which
// repeats them in a shorter form, stays within 4 KiB.
inline constexpr size_t kNarrowingBytesMax = 2048;

struct SignedToken {
  // iss and aud are set by SignToken and checked by VerifyToken.
  TokenPayload payload;
  absl::Time issue_time;
  // Whole seconds on the wire.
  absl::Time expire_time;
};

// `key_id` goes into the header ("kid"); `key` is 32 bytes.
std::string SignToken(const SignedToken& token, absl::string_view key_id, absl::string_view key);

// What an unverified token claims about itself: enough to choose the key, and good for nothing
// else.
struct TokenHint {
  std::string subject;
  std::string key_id;
};

// INVALID_ARGUMENT: not a JWT, longer than kTokenBytesMax, or its algorithm is not HS256. Messages
// contain nothing of the token.
absl::StatusOr<TokenHint> PeekToken(absl::string_view token);

// The content, if the token was signed with `key` by HS256, by us, for our users. Does not look at
// the clock. INVALID_ARGUMENT as above.
absl::StatusOr<SignedToken> VerifyToken(absl::string_view token, absl::string_view key);

// The bytes that the narrowing takes in a token.
size_t NarrowingSize(const TokenPayload& payload);

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_TOKEN_H_
