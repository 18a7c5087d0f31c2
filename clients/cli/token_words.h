// The words of `carillon users token`.
#ifndef CARILLON_CLIENTS_CLI_TOKEN_WORDS_H_
#define CARILLON_CLIENTS_CLI_TOKEN_WORDS_H_

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "carillon/v1/account_service.pb.h"

namespace carillon::cli {

// How a token is to be narrowed, as typed; empty: not.
struct TokenWords {
  std::string ttl;
  std::string roles;
  std::string scope;
  std::string action;
  std::string specific;
};

// Reads `ttl 600 scope users action password specific fred` into `out`: pairs of a member's name
// and its value. INVALID_ARGUMENT for anything else, and for what is set already.
absl::Status ReadTokenWords(const std::vector<std::string>& words, TokenWords* out);

absl::StatusOr<v1::GrantTokenRequest> MakeTokenRequest(const std::string& user,
                                                       const TokenWords& words);

}  // namespace carillon::cli

#endif  // CARILLON_CLIENTS_CLI_TOKEN_WORDS_H_
