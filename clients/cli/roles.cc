// carillon roles

#include <CLI/CLI.hpp>

#include "absl/strings/str_cat.h"
#include "carillon/client/event_json.h"
#include "carillon/v1/account_service.grpc.pb.h"
#include "clients/cli/command.h"
#include "clients/cli/output.h"
#include "clients/cli/text.h"

namespace carillon::cli {
namespace {

using Stub = v1::AccountService::Stub;

struct RolesFlags {
  std::string name;
  std::vector<std::string> claims;
  bool no_claims = false;
  bool json = false;
};

void AppendMember(absl::string_view name, absl::string_view value, std::string* out) {
  absl::StrAppend(out, "\"", name, "\":");
  client::AppendJsonString(value, out);
}

std::string RoleJson(const v1::Role& role) {
  std::string out = "{";
  AppendMember("Name", role.name(), &out);
  out += ",\"Claims\":[";
  for (const v1::Claim& claim : role.claims()) {
    if (out.back() == '}') out += ",";
    out += "{";
    AppendMember("Scope", claim.scope(), &out);
    out += ",";
    AppendMember("Action", claim.action(), &out);
    out += ",";
    AppendMember("Specific", claim.specific(), &out);
    out += "}";
  }
  return out + "]}\n";
}

ExitCode List(const RolesFlags& flags, Context& context) {
  const auto stub = v1::AccountService::NewStub(context.connection->channel());
  std::string json;
  std::vector<std::vector<std::string>> rows = {{"NAME", "SCOPE", "ACTION", "SPECIFIC"}};
  v1::ListRolesRequest request;
  do {
    v1::ListRolesResponse page;
    const absl::Status status = Call(context, stub.get(), &Stub::ListRoles, request, &page);
    if (!status.ok()) return context.Fail(status);
    for (const v1::Role& role : page.roles()) {
      json += RoleJson(role);
      if (role.claims().empty()) rows.push_back({role.name(), "(no claims)"});
      for (const v1::Claim& claim : role.claims()) {
        rows.push_back({role.name(), claim.scope(), claim.action(), claim.specific()});
      }
    }
    request.set_page_token(page.next_page_token());
  } while (!request.page_token().empty());
  return PrintResult(flags.json ? json : FormatTable(rows));
}

ExitCode Put(const RolesFlags& flags, Context& context) {
  if (flags.claims.empty() && !flags.no_claims) {
    return UsageError(absl::InvalidArgumentError(
        "give the claims the role is to have, each as --claim SCOPE.ACTION.SPECIFIC, or "
        "--no-claims for a role without any"));
  }
  v1::PutRoleRequest request;
  request.mutable_role()->set_name(flags.name);
  for (const std::string& text : flags.claims) {
    absl::StatusOr<v1::Claim> claim = ParseClaim(text);
    if (!claim.ok()) return UsageError(claim.status());
    *request.mutable_role()->add_claims() = *std::move(claim);
  }
  const auto stub = v1::AccountService::NewStub(context.connection->channel());
  return CallSilently(context, stub.get(), &Stub::PutRole, request);
}

ExitCode Delete(const RolesFlags& flags, Context& context) {
  v1::DeleteRoleRequest request;
  request.set_name(flags.name);
  const auto stub = v1::AccountService::NewStub(context.connection->channel());
  return CallSilently(context, stub.get(), &Stub::DeleteRole, request);
}

}  // namespace

void AddRolesCommand(CLI::App* app, Command* command) {
  CLI::App* roles = app->add_subcommand("roles", "Manage roles and their claims");
  roles->require_subcommand(1);
  auto flags = std::make_shared<RolesFlags>();

  CLI::App* list = roles->add_subcommand("list", "List roles with their claims");
  list->add_flag("--json", flags->json, "one JSON object a line");
  list->callback([=] { *command = [flags](Context& context) { return List(*flags, context); }; });

  CLI::App* put = roles->add_subcommand("put", "Create a role or replace its claims");
  put->add_option("NAME", flags->name, "the role's name")->required();
  put->add_option("--claim", flags->claims,
                  "a right, such as machines.*.* or events.post.profiles,machines; repeatable")
      ->type_name("SCOPE.ACTION.SPECIFIC")
      ->allow_extra_args(false);
  put->add_flag("--no-claims", flags->no_claims, "a role that gives no rights")
      ->excludes("--claim");
  put->footer(
      "A claim covers an event if scope covers its type, action its action and specific its key. "
      "Rights to act:\nevents.post.TYPE publishes, events.post-as.NAME publishes in another's "
      "name, "
      "sessions.open.USER opens\nsessions (for facades), users.ACTION.NAME and roles.ACTION.NAME "
      "manage accounts.");
  put->callback([=] { *command = [flags](Context& context) { return Put(*flags, context); }; });

  CLI::App* remove = roles->add_subcommand("delete", "Delete a role that no user has");
  remove->add_option("NAME", flags->name, "the role's name")->required();
  remove->callback(
      [=] { *command = [flags](Context& context) { return Delete(*flags, context); }; });
}

}  // namespace carillon::cli
