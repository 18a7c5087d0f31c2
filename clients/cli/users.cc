// carillon users

#include <unistd.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "carillon/client/event_json.h"
#include "carillon/v1/account_service.grpc.pb.h"
#include "clients/cli/command.h"
#include "clients/cli/output.h"
#include "clients/cli/password.h"
#include "clients/cli/text.h"
#include "clients/cli/token_words.h"

namespace carillon::cli {
namespace {

using Stub = v1::AccountService::Stub;

struct UsersFlags {
  std::string name;
  std::vector<std::string> roles;
  std::string password_file;
  bool no_password = false;
  bool no_roles = false;
  bool json = false;
  TokenWords token;
  std::vector<std::string> token_words;
};

using UsersAction = ExitCode (*)(const UsersFlags&, Context&);

std::unique_ptr<Stub> Accounts(const Context& context) {
  return v1::AccountService::NewStub(context.connection->channel());
}

std::string TimeText(const google::protobuf::Timestamp& time) {
  return absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::FromUnixSeconds(time.seconds()),
                          absl::UTCTimeZone());
}

std::string JsonString(absl::string_view text) {
  std::string out;
  client::AppendJsonString(text, &out);
  return out;
}

std::string UserJson(const v1::User& user) {
  const auto append = [](std::string* out, const std::string& role) { *out += JsonString(role); };
  return absl::StrCat("{\"Name\":", JsonString(user.name()), ",\"Roles\":[",
                      absl::StrJoin(user.roles(), ",", append),
                      "],\"Created\":", JsonString(TimeText(user.create_time())), "}\n");
}

ExitCode PrintUsers(const std::vector<v1::User>& users, bool json) {
  std::string out;
  if (json) {
    for (const v1::User& user : users) out += UserJson(user);
  } else {
    std::vector<std::vector<std::string>> rows = {{"NAME", "CREATED", "ROLES"}};
    for (const v1::User& user : users) {
      rows.push_back({user.name(), TimeText(user.create_time()), absl::StrJoin(user.roles(), ",")});
    }
    out = FormatTable(rows);
  }
  return PrintResult(out);
}

ExitCode List(const UsersFlags& flags, Context& context) {
  const auto stub = Accounts(context);
  std::vector<v1::User> users;
  v1::ListUsersRequest request;
  do {
    v1::ListUsersResponse page;
    const absl::Status status = Call(context, stub.get(), &Stub::ListUsers, request, &page);
    if (!status.ok()) return context.Fail(status);
    users.insert(users.end(), page.users().begin(), page.users().end());
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return PrintUsers(users, flags.json);
}

ExitCode Get(const UsersFlags& flags, Context& context) {
  v1::GetUserRequest request;
  request.set_name(flags.name);
  v1::GetUserResponse response;
  const absl::Status status =
      Call(context, Accounts(context).get(), &Stub::GetUser, request, &response);
  if (!status.ok()) return context.Fail(status);
  return PrintUsers({response.user()}, flags.json);
}

ExitCode NoPassword(const absl::Status& why, const Context& context) {
  return context.interrupt->happened() ? ExitCode::kInterrupted : UsageError(why);
}

ExitCode Create(const UsersFlags& flags, Context& context) {
  v1::CreateUserRequest request;
  request.set_name(flags.name);
  for (const std::string& role : flags.roles) request.add_roles(role);
  if (!flags.no_password) {
    absl::StatusOr<std::string> password =
        ReadNewPassword(flags.password_file, flags.name, *context.interrupt);
    if (!password.ok()) return NoPassword(password.status(), context);
    request.set_password(*std::move(password));
  }
  return CallSilently(context, Accounts(context).get(), &Stub::CreateUser, request);
}

ExitCode SetRoles(const UsersFlags& flags, Context& context) {
  if (flags.roles.empty() && !flags.no_roles) {
    return UsageError(absl::InvalidArgumentError(
        "name the roles, parted by spaces or commas, or give --no-roles to take all rights away"));
  }
  v1::SetUserRolesRequest request;
  request.set_name(flags.name);
  for (const std::string& role : flags.roles) request.add_roles(role);
  return CallSilently(context, Accounts(context).get(), &Stub::SetUserRoles, request);
}

ExitCode SetPassword(const UsersFlags& flags, Context& context) {
  absl::StatusOr<std::string> password =
      ReadNewPassword(flags.password_file, flags.name, *context.interrupt);
  if (!password.ok()) return NoPassword(password.status(), context);
  v1::SetUserPasswordRequest request;
  request.set_name(flags.name);
  request.set_password(*std::move(password));
  return CallSilently(context, Accounts(context).get(), &Stub::SetUserPassword, request);
}

ExitCode Revoke(const UsersFlags& flags, Context& context) {
  v1::RevokeUserTokensRequest request;
  request.set_name(flags.name);
  return CallSilently(context, Accounts(context).get(), &Stub::RevokeUserTokens, request);
}

ExitCode Delete(const UsersFlags& flags, Context& context) {
  v1::DeleteUserRequest request;
  request.set_name(flags.name);
  return CallSilently(context, Accounts(context).get(), &Stub::DeleteUser, request);
}

ExitCode Token(const UsersFlags& flags, Context& context) {
  TokenWords words = flags.token;
  const absl::Status read = ReadTokenWords(flags.token_words, &words);
  if (!read.ok()) return UsageError(read);
  const absl::StatusOr<v1::GrantTokenRequest> request = MakeTokenRequest(flags.name, words);
  if (!request.ok()) return UsageError(request.status());
  v1::GrantTokenResponse response;
  const absl::Status status =
      Call(context, Accounts(context).get(), &Stub::GrantToken, *request, &response);
  if (!status.ok()) return context.Fail(status);
  const std::string expires = TimeText(response.expire_time());
  if (flags.json) {
    return PrintResult(absl::StrCat("{\"Token\":", JsonString(response.token()),
                                    ",\"Expires\":", JsonString(expires), "}\n"));
  }
  if (isatty(STDERR_FILENO) != 0) PrintMessage(absl::StrCat("good until ", expires));
  return PrintResult(absl::StrCat(response.token(), "\n"));
}

CLI::App* AddAction(CLI::App* users, const std::string& name, const std::string& help,
                    UsersAction action, const std::shared_ptr<UsersFlags>& flags,
                    Command* command) {
  CLI::App* sub = users->add_subcommand(name, help);
  sub->callback([action, flags, command] {
    *command = [action, flags](Context& context) { return action(*flags, context); };
  });
  return sub;
}

void AddTokenAction(CLI::App* users, const std::shared_ptr<UsersFlags>& flags, Command* command) {
  CLI::App* token = AddAction(users, "token", "Grant a token and print it", Token, flags, command);
  token->add_option("NAME", flags->name, "whose token")->required();
  token->add_option("WORDS", flags->token_words,
                    "the options below without dashes: ttl 600 scope users …");
  token->add_option("--ttl", flags->token.ttl, "how long it is good: 600, 10m or 30d [1h]");
  token->add_option("--roles", flags->token.roles, "narrow it to these roles: a,b");
  token->add_option("--scope", flags->token.scope, "narrow it to a claim with this scope");
  token->add_option("--action", flags->token.action, "narrow it to a claim with this action");
  token->add_option("--specific", flags->token.specific, "narrow it to a claim with this specific");
  token->add_flag("--json", flags->json, "token and expiry as JSON");
}

}  // namespace

void AddUsersCommand(CLI::App* app, Command* command) {
  CLI::App* users = app->add_subcommand("users", "Manage users and their tokens");
  users->require_subcommand(1);
  auto flags = std::make_shared<UsersFlags>();
  const std::string name_help = "the user's name";

  CLI::App* list = AddAction(users, "list", "List users", List, flags, command);
  list->add_flag("--json", flags->json, "one JSON object a line");

  CLI::App* get = AddAction(users, "get", "Show one user", Get, flags, command);
  get->add_option("NAME", flags->name, name_help)->required();
  get->add_flag("--json", flags->json, "as JSON");

  CLI::App* create = AddAction(users, "create", "Create a user", Create, flags, command);
  create->add_option("NAME", flags->name, name_help)->required();
  create->add_option("--role,--roles", flags->roles, "roles, repeatable or parted by commas")
      ->delimiter(',');
  create->add_option("--password-file", flags->password_file,
                     "file that holds the password, - for stdin; without it, it is asked for");
  create->add_flag("--no-password", flags->no_password, "can only log in by token")
      ->excludes("--password-file");

  CLI::App* remove = AddAction(users, "delete", "Delete a user, ending all they have open", Delete,
                               flags, command);
  remove->add_option("NAME", flags->name, name_help)->required();

  CLI::App* set_roles =
      AddAction(users, "set-roles", "Replace a user's roles", SetRoles, flags, command);
  set_roles->add_option("NAME", flags->name, name_help)->required();
  set_roles->add_option("ROLES,--role,--roles", flags->roles, "the roles")->delimiter(',');
  set_roles->add_flag("--no-roles", flags->no_roles, "take all rights away")->excludes("ROLES");

  CLI::App* password = AddAction(users, "password", "Set a user's password, ending their tokens",
                                 SetPassword, flags, command);
  password->add_option("NAME", flags->name, name_help)->required();
  password->add_option("--password-file", flags->password_file,
                       "file that holds the password, - for stdin; without it, it is asked for");

  CLI::App* revoke =
      AddAction(users, "revoke", "End a user's tokens and sessions", Revoke, flags, command);
  revoke->add_option("NAME", flags->name, name_help)->required();

  AddTokenAction(users, flags, command);
}

}  // namespace carillon::cli
