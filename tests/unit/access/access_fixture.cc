#include "tests/unit/access/access_fixture.h"

#include <optional>
#include <utility>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"

namespace carillon::access {

absl::StatusOr<Accounts> MemoryAccountStore::Load() const {
  absl::MutexLock lock(&mu_);
  return accounts_;
}

absl::Status MemoryAccountStore::Apply(absl::Span<const AccountChange> changes) {
  using Kind = AccountChange::Kind;
  absl::MutexLock lock(&mu_);
  if (!error_.ok()) return error_;
  for (const AccountChange& change : changes) {
    if (change.kind == Kind::kPutUser) accounts_.users[change.user.name()] = change.user;
    if (change.kind == Kind::kDeleteUser) accounts_.users.erase(change.user.name());
    if (change.kind == Kind::kPutRole) accounts_.roles[change.role.name()] = change.role;
    if (change.kind == Kind::kDeleteRole) accounts_.roles.erase(change.role.name());
  }
  return absl::OkStatus();
}

void MemoryAccountStore::FailWith(absl::Status error) {
  absl::MutexLock lock(&mu_);
  error_ = std::move(error);
}

void RecordingListener::OnSessionsChanged(const std::vector<SessionPtr>& sessions) {
  absl::MutexLock lock(&mu_);
  changed_.insert(changed_.end(), sessions.begin(), sessions.end());
}

std::vector<SessionPtr> RecordingListener::Take() {
  absl::MutexLock lock(&mu_);
  return std::exchange(changed_, {});
}

std::string ReasonOf(const absl::Status& status) {
  const auto info = wire::ErrorInfoOf(status);
  return info.has_value() ? info->reason() : "";
}

v1::Claim MakeClaim(absl::string_view scope, absl::string_view action, absl::string_view specific) {
  v1::Claim claim;
  claim.set_scope(std::string(scope));
  claim.set_action(std::string(action));
  claim.set_specific(std::string(specific));
  return claim;
}

std::string Basic(absl::string_view user, absl::string_view password) {
  return absl::StrCat("Basic ", absl::Base64Escape(absl::StrCat(user, ":", password)));
}

std::string Bearer(absl::string_view token) { return absl::StrCat("Bearer ", token); }

AccessFixture::AccessFixture() {
  options_.password_cost = {.log2_n = 4, .r = 1, .p = 1};
  options_.clock = [this] { return clock_.Now(); };
  Restart();
  EXPECT_EQ(access_->CreateFirstUser("root", "password-of-root").value(), true);
}

void AccessFixture::Restart() {
  access_.reset();
  access_ = AccessControl::Create(&store_, options_).value();
  access_->SetListener(&listener_);
}

absl::StatusOr<Identity> AccessFixture::Authenticate(const std::string& header) {
  std::optional<absl::StatusOr<Identity>> answer;
  absl::Notification done;
  access_->Authenticate(header, [&](absl::StatusOr<Identity> identity) {
    answer = std::move(identity);
    done.Notify();
  });
  done.WaitForNotification();
  return *std::move(answer);
}

Identity AccessFixture::Root() { return Authenticate(Basic("root", "password-of-root")).value(); }

Identity AccessFixture::MakeUser(const std::string& name, const std::vector<v1::Claim>& claims) {
  PutRole(absl::StrCat("role-of-", name), claims);
  v1::CreateUserRequest request;
  request.set_name(name);
  request.set_password(absl::StrCat("password-of-", name));
  request.add_roles(absl::StrCat("role-of-", name));
  EXPECT_EQ(admin().CreateUser(Root(), request).status(), absl::OkStatus());
  return Authenticate(Basic(name, request.password())).value();
}

void AccessFixture::PutRole(const std::string& name, const std::vector<v1::Claim>& claims) {
  v1::PutRoleRequest request;
  request.mutable_role()->set_name(name);
  for (const v1::Claim& claim : claims) *request.mutable_role()->add_claims() = claim;
  EXPECT_EQ(admin().PutRole(Root(), request).status(), absl::OkStatus());
}

std::string AccessFixture::Token(const Identity& caller, const v1::GrantTokenRequest& request) {
  const auto response = admin().GrantToken(caller, request);
  EXPECT_EQ(response.status(), absl::OkStatus());
  return response.ok() ? response->token() : "";
}

std::string AccessFixture::TokenOf(const std::string& user) {
  v1::GrantTokenRequest request;
  request.set_name(user);
  return Token(Root(), request);
}

}  // namespace carillon::access
