#include "broker/access/token.h"

#include <google/protobuf/util/json_util.h>
#include <jwt.h>

#include <algorithm>
#include <cstdlib>
#include <memory>
#include <optional>

#include "absl/base/internal/raw_logging.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"

namespace carillon::access {
namespace {

namespace json = google::protobuf::util;

constexpr char kIssuer[] = "carillon";
constexpr char kAudience[] = "carillon";
constexpr absl::string_view kAlgorithm = "HS256";

struct FreeJwt {
  void operator()(jwt_t* jwt) const { jwt_free(jwt); }
};
using JwtPtr = std::unique_ptr<jwt_t, FreeJwt>;

struct FreeText {
  void operator()(char* text) const { free(text); }
};
using TextPtr = std::unique_ptr<char, FreeText>;

absl::Status Malformed() { return absl::InvalidArgumentError("not a token of this broker"); }

std::string ToJson(const TokenPayload& payload) {
  json::JsonPrintOptions options;
  options.preserve_proto_field_names = true;
  std::string text;
  const auto status = json::MessageToJsonString(payload, &text, options);
  ABSL_RAW_CHECK(status.ok(), "a token's payload has no JSON form");
  return text;
}

// Three parts of base64url and dots, as the JWS compact serialization has it (RFC 7515).
bool LooksLikeToken(absl::string_view token) {
  const auto allowed = [](char c) {
    return absl::ascii_isalnum(static_cast<unsigned char>(c)) || c == '-' || c == '_' || c == '.';
  };
  return token.size() <= kTokenBytesMax && std::all_of(token.begin(), token.end(), allowed) &&
         std::count(token.begin(), token.end(), '.') == 2;
}

// Without a key libjwt parses and checks nothing.
JwtPtr Decode(absl::string_view token, absl::string_view key) {
  if (!LooksLikeToken(token)) return nullptr;
  jwt_t* jwt = nullptr;
  const auto* key_bytes =
      key.empty() ? nullptr : reinterpret_cast<const unsigned char*>(key.data());
  if (jwt_decode(&jwt, std::string(token).c_str(), key_bytes, static_cast<int>(key.size())) != 0) {
    return nullptr;
  }
  return JwtPtr(jwt);
}

std::string TextOrEmpty(const char* text) { return text == nullptr ? "" : text; }

bool HasOurAlgorithm(jwt_t* jwt) { return TextOrEmpty(jwt_get_header(jwt, "alg")) == kAlgorithm; }

// A time in whole seconds. Nothing if there is none or it is something else, which libjwt's own
// function takes for 0.
std::optional<absl::Time> GetTime(jwt_t* jwt, const char* name) {
  const TextPtr text(jwt_get_grants_json(jwt, name));
  int64_t seconds;
  if (text == nullptr || !absl::SimpleAtoi(text.get(), &seconds)) return std::nullopt;
  return absl::FromUnixSeconds(seconds);
}

}  // namespace

std::string SignToken(const SignedToken& token, absl::string_view key_id, absl::string_view key) {
  TokenPayload payload = token.payload;
  payload.set_iss(kIssuer);
  payload.set_aud(kAudience);
  jwt_t* raw = nullptr;
  ABSL_RAW_CHECK(jwt_new(&raw) == 0, "out of memory");
  const JwtPtr jwt(raw);
  const auto* key_bytes = reinterpret_cast<const unsigned char*>(key.data());
  const bool made =
      jwt_set_alg(raw, JWT_ALG_HS256, key_bytes, static_cast<int>(key.size())) == 0 &&
      jwt_add_header(raw, "kid", std::string(key_id).c_str()) == 0 &&
      jwt_add_grants_json(raw, ToJson(payload).c_str()) == 0 &&
      jwt_add_grant_int(raw, "iat", static_cast<long>(absl::ToUnixSeconds(token.issue_time))) ==
          0 &&
      jwt_add_grant_int(raw, "exp", static_cast<long>(absl::ToUnixSeconds(token.expire_time))) == 0;
  const TextPtr text(made ? jwt_encode_str(raw) : nullptr);
  ABSL_RAW_CHECK(text != nullptr, "a token could not be signed");
  return text.get();
}

absl::StatusOr<TokenHint> PeekToken(absl::string_view token) {
  const JwtPtr jwt = Decode(token, "");
  if (jwt == nullptr || !HasOurAlgorithm(jwt.get())) return Malformed();
  return TokenHint{TextOrEmpty(jwt_get_grant(jwt.get(), "sub")),
                   TextOrEmpty(jwt_get_header(jwt.get(), "kid"))};
}

absl::StatusOr<SignedToken> VerifyToken(absl::string_view token, absl::string_view key) {
  ABSL_RAW_CHECK(!key.empty(), "a token is verified with a key");
  const JwtPtr jwt = Decode(token, key);
  // libjwt goes by the header's algorithm, so the key alone does not tell.
  if (jwt == nullptr || jwt_get_alg(jwt.get()) != JWT_ALG_HS256 || !HasOurAlgorithm(jwt.get())) {
    return Malformed();
  }
  const TextPtr text(jwt_get_grants_json(jwt.get(), nullptr));
  json::JsonParseOptions options;
  options.ignore_unknown_fields = true;
  SignedToken content;
  if (text == nullptr || !json::JsonStringToMessage(text.get(), &content.payload, options).ok() ||
      content.payload.iss() != kIssuer || content.payload.aud() != kAudience) {
    return Malformed();
  }
  const auto issue_time = GetTime(jwt.get(), "iat");
  const auto expire_time = GetTime(jwt.get(), "exp");
  if (!issue_time.has_value() || !expire_time.has_value()) return Malformed();
  content.issue_time = *issue_time;
  content.expire_time = *expire_time;
  return content;
}

size_t NarrowingSize(const TokenPayload& payload) {
  TokenPayload narrowing;
  *narrowing.mutable_roles() = payload.roles();
  if (payload.has_claim()) *narrowing.mutable_claim() = payload.claim();
  return ToJson(narrowing).size();
}

}  // namespace carillon::access
