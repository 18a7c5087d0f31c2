#include "broker/access/access_control.h"

#include <utility>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "broker/access/crypto.h"
#include "broker/access/names.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

constexpr size_t kAuthorizationBytesMax = 8192;

absl::Status Missing() {
  return wire::Error(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING",
                     "credentials are needed: \"Bearer <token>\" or \"Basic "
                     "<base64(user:password)>\"");
}

absl::Status Invalid(absl::string_view message) {
  return wire::Error(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID", message);
}

absl::Status WrongPassword() { return Invalid("the user's name or the password is wrong"); }

PasswordCheckerOptions CheckerOptions(const AccessOptions& options) {
  PasswordCheckerOptions checker;
  checker.checks_max = options.password_checks_max;
  checker.waiting_max = options.password_checks_waiting_max;
  checker.memory = options.password_memory;
  checker.cost = options.password_cost;
  checker.clock = options.clock;
  return checker;
}

AccountAdminOptions AdminOptions(const AccessOptions& options) {
  return {options.token_ttl_max, options.users_max, options.roles_max, options.clock};
}

absl::Status MayOpenFor(const Scope& owner, absl::string_view user) {
  const Decision decision = owner.Check("sessions", "open", user);
  if (decision.allowed) return absl::OkStatus();
  return ClaimMissing("opening a session for this user", decision, "sessions", "open", user);
}

}  // namespace

absl::StatusOr<std::unique_ptr<AccessControl>> AccessControl::Create(AccountStore* store,
                                                                     const AccessOptions& options) {
  auto accounts = store->Load();
  if (!accounts.ok()) return accounts.status();
  auto secret = store->ServerSecret();
  if (!secret.ok()) return secret.status();
  auto directory = AccountDirectory::Create(*accounts);
  if (!directory.ok()) return directory.status();
  return std::unique_ptr<AccessControl>(
      new AccessControl(store, options, *std::move(secret), *std::move(directory)));
}

AccessControl::AccessControl(AccountStore* store, const AccessOptions& options,
                             std::string server_secret, std::unique_ptr<AccountDirectory> directory)
    : clock_(options.clock),
      memory_secret_(RandomBytes(32)),
      directory_(std::move(directory)),
      tokens_(std::move(server_secret), directory_.get(), clock_),
      remembered_tokens_(options.tokens_remembered_max / 2),
      sessions_(SessionRegistry::Create(directory_.get(), clock_, options.sessions_max)),
      passwords_(std::make_unique<PasswordChecker>(CheckerOptions(options))),
      admin_(std::make_unique<AccountAdmin>(AdminOptions(options), store, directory_.get(),
                                            sessions_.get(), passwords_.get(), &tokens_)),
      session_thread_([this] {
        while (sessions_->WaitUntilDue()) sessions_->EndDue();
      }) {}

AccessControl::~AccessControl() {
  sessions_->StopWaiting();
  session_thread_.join();
  // Its last callbacks still use the rest.
  passwords_->Stop();
  admin_.reset();
  passwords_.reset();
}

void AccessControl::SetListener(SessionListener* listener) { sessions_->SetListener(listener); }

void AccessControl::Authenticate(absl::string_view authorization, AuthenticateCallback done) {
  authorization = absl::StripAsciiWhitespace(authorization);
  if (authorization.empty()) return done(Missing());
  if (authorization.size() > kAuthorizationBytesMax) {
    return done(Invalid("the credentials are larger than 8 KiB"));
  }
  const size_t space = authorization.find(' ');
  const absl::string_view scheme = authorization.substr(0, space);
  const absl::string_view rest = space == absl::string_view::npos
                                     ? absl::string_view()
                                     : absl::StripAsciiWhitespace(authorization.substr(space));
  if (absl::EqualsIgnoreCase(scheme, "Bearer")) return done(AuthenticateToken(rest));
  if (absl::EqualsIgnoreCase(scheme, "Basic")) return AuthenticatePassword(rest, std::move(done));
  done(Invalid("the credentials must begin with \"Bearer\" or \"Basic\""));
}

absl::StatusOr<Identity> AccessControl::AuthenticateToken(absl::string_view token) {
  const std::string key = HmacSha256(memory_secret_, token);
  // Read before the accounts are: a change in between makes what is remembered void.
  const uint64_t generation = directory_->generation();
  auto remembered = remembered_tokens_.Get(key, clock_());
  if (remembered.has_value() && remembered->generation == generation) {
    return std::move(remembered->identity);
  }
  auto grant = tokens_.CheckToken(token);
  if (!grant.ok()) return grant.status();
  auto scope = directory_->Evaluate(*grant);
  if (!scope.ok()) return scope.status();
  Identity identity{std::make_shared<const Grant>(*std::move(grant)), *std::move(scope)};
  remembered_tokens_.Put(key, {identity, generation}, identity.grant->expire_time);
  return identity;
}

void AccessControl::AuthenticatePassword(absl::string_view encoded, AuthenticateCallback done) {
  std::string decoded;
  size_t colon = std::string::npos;
  if (absl::Base64Unescape(encoded, &decoded)) colon = decoded.find(':');
  if (colon == std::string::npos) {
    return done(Invalid("\"Basic\" must be followed by the base64 of user:password"));
  }
  const std::string name = decoded.substr(0, colon);
  const std::string password = decoded.substr(colon + 1);
  if (password.size() > kPasswordBytesMax) return done(WrongPassword());
  DirectoryUserPtr user = directory_->FindUser(name);
  const std::string phc = user == nullptr ? "" : user->record.password_hash();
  passwords_->Check(
      name, password, phc,
      [this, user = std::move(user), done = std::move(done)](const absl::StatusOr<bool>& matches) {
        if (!matches.ok()) return done(matches.status());
        if (!*matches) return done(WrongPassword());
        done(IdentityAfterPassword(*user));
      });
}

absl::StatusOr<Identity> AccessControl::IdentityAfterPassword(const DirectoryUser& checked) const {
  const DirectoryUserPtr user = directory_->FindUser(checked.record.name());
  if (user == nullptr || user->record.password_hash() != checked.record.password_hash()) {
    return WrongPassword();
  }
  return IdentityOf(*user);
}

absl::StatusOr<Identity> AccessControl::IdentityOf(const DirectoryUser& user) const {
  return Renew({user.grant, nullptr});
}

absl::StatusOr<Identity> AccessControl::Identify(absl::string_view user) const {
  const DirectoryUserPtr found = directory_->FindUser(user);
  if (found == nullptr) {
    return Invalid(absl::StrCat("the client certificate is for \"", absl::CHexEscape(user),
                                "\", which is no user of this broker"));
  }
  return IdentityOf(*found);
}

absl::StatusOr<SessionPtr> AccessControl::OpenOwnSession(const Identity& identity) {
  return sessions_->Open("", "", identity.grant);
}

absl::StatusOr<Identity> AccessControl::Renew(const Identity& identity) const {
  auto scope = directory_->Evaluate(*identity.grant);
  if (!scope.ok()) return scope.status();
  return Identity{identity.grant, *std::move(scope)};
}

absl::StatusOr<SessionPtr> AccessControl::OpenSession(const Identity& owner, const Identity& user) {
  absl::Status allowed = MayOpenFor(*owner.scope, user.principal());
  if (!allowed.ok()) return allowed;
  const std::string id = tokens_.IssueSessionId(owner.principal(), *user.grant);
  return sessions_->Open(owner.principal(), id, user.grant);
}

absl::StatusOr<SessionPtr> AccessControl::ResumeSession(const Identity& owner,
                                                        absl::string_view session_id) {
  auto grant = tokens_.CheckSessionId(owner.principal(), session_id);
  if (!grant.ok()) return grant.status();
  if (absl::Status allowed = MayOpenFor(*owner.scope, grant->principal); !allowed.ok()) {
    return allowed;
  }
  return sessions_->Open(owner.principal(), std::string(session_id),
                         std::make_shared<const Grant>(*std::move(grant)));
}

absl::StatusOr<SessionPtr> AccessControl::FindSession(const Identity& owner,
                                                      absl::string_view session_id) {
  if (SessionPtr session = sessions_->Find(owner.principal(), session_id)) {
    absl::Status allowed = MayOpenFor(*owner.scope, session->principal());
    if (!allowed.ok()) return allowed;
    return session;
  }
  auto grant = tokens_.CheckSessionId(owner.principal(), session_id);
  if (!grant.ok()) return grant.status();
  if (clock_() >= grant->expire_time) {
    return wire::Error(absl::StatusCode::kUnauthenticated, "SESSION_EXPIRED",
                       "the token has expired; get a new one");
  }
  if (auto scope = directory_->Evaluate(*grant); !scope.ok()) return scope.status();
  return wire::Error(absl::StatusCode::kUnauthenticated, "SESSION_UNKNOWN",
                     "the session is not in force; bring it back by ResumeSessions");
}

void AccessControl::CloseSessions(const std::string& owner,
                                  absl::Span<const std::string> session_ids) {
  sessions_->Close(owner, session_ids);
}

}  // namespace carillon::access
