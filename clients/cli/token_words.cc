#include "clients/cli/token_words.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "clients/cli/text.h"

namespace carillon::cli {
namespace {

std::string* MemberOf(const std::string& word, TokenWords* out) {
  if (word == "ttl") return &out->ttl;
  if (word == "roles") return &out->roles;
  if (word == "scope") return &out->scope;
  if (word == "action") return &out->action;
  if (word == "specific") return &out->specific;
  return nullptr;
}

}  // namespace

absl::Status ReadTokenWords(const std::vector<std::string>& words, TokenWords* out) {
  for (size_t i = 0; i < words.size(); i += 2) {
    std::string* member = MemberOf(words[i], out);
    if (member == nullptr) {
      return absl::InvalidArgumentError(
          absl::StrCat("\"", words[i], "\" is not one of ttl, roles, scope, action and specific"));
    }
    if (i + 1 == words.size()) {
      return absl::InvalidArgumentError(absl::StrCat("\"", words[i], "\" needs a value after it"));
    }
    if (!member->empty()) {
      return absl::InvalidArgumentError(absl::StrCat(words[i], " is given twice"));
    }
    *member = words[i + 1];
  }
  return absl::OkStatus();
}

absl::StatusOr<v1::GrantTokenRequest> MakeTokenRequest(const std::string& user,
                                                       const TokenWords& words) {
  v1::GrantTokenRequest request;
  request.set_name(user);
  if (!words.ttl.empty()) {
    const absl::StatusOr<absl::Duration> ttl = ParseDurationText(words.ttl);
    if (!ttl.ok()) return ttl.status();
    absl::Duration rest;
    request.mutable_ttl()->set_seconds(absl::IDivDuration(*ttl, absl::Seconds(1), &rest));
    request.mutable_ttl()->set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(rest)));
  }
  for (std::string& role : SplitList(words.roles)) request.add_roles(std::move(role));
  if (!words.scope.empty() || !words.action.empty() || !words.specific.empty()) {
    request.mutable_claim()->set_scope(words.scope);
    request.mutable_claim()->set_action(words.action);
    request.mutable_claim()->set_specific(words.specific);
  }
  return request;
}

}  // namespace carillon::cli
