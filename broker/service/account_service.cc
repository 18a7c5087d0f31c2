#include "broker/service/account_service.h"

#include <utility>

namespace carillon::service {
namespace {

// Moves what a call yielded into its response.
template <typename Value>
absl::Status Answer(absl::StatusOr<Value> result, Value* answer) {
  if (!result.ok()) return result.status();
  *answer = *std::move(result);
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* AccountService::CreateUser(grpc::CallbackServerContext* context,
                                                     const v1::CreateUserRequest* request,
                                                     v1::CreateUserResponse* response) {
  return calls_->Run(
      context, "carillon.v1.AccountService/CreateUser", [=, this](const access::Identity& caller) {
        return Answer(admin_->CreateUser(caller, *request), response->mutable_user());
      });
}

grpc::ServerUnaryReactor* AccountService::GetUser(grpc::CallbackServerContext* context,
                                                  const v1::GetUserRequest* request,
                                                  v1::GetUserResponse* response) {
  return calls_->Run(context, "carillon.v1.AccountService/GetUser",
                     [=, this](const access::Identity& caller) {
                       return Answer(admin_->GetUser(caller, *request), response->mutable_user());
                     });
}

grpc::ServerUnaryReactor* AccountService::ListUsers(grpc::CallbackServerContext* context,
                                                    const v1::ListUsersRequest* request,
                                                    v1::ListUsersResponse* response) {
  return calls_->Run(context, "carillon.v1.AccountService/ListUsers",
                     [=, this](const access::Identity& caller) {
                       return Answer(admin_->ListUsers(caller, *request), response);
                     });
}

grpc::ServerUnaryReactor* AccountService::SetUserRoles(grpc::CallbackServerContext* context,
                                                       const v1::SetUserRolesRequest* request,
                                                       v1::SetUserRolesResponse* response) {
  return calls_->Run(context, "carillon.v1.AccountService/SetUserRoles",
                     [=, this](const access::Identity& caller) {
                       return Answer(admin_->SetUserRoles(caller, *request),
                                     response->mutable_user());
                     });
}

grpc::ServerUnaryReactor* AccountService::SetUserPassword(grpc::CallbackServerContext* context,
                                                          const v1::SetUserPasswordRequest* request,
                                                          v1::SetUserPasswordResponse*) {
  return calls_->Run(context, "carillon.v1.AccountService/SetUserPassword",
                     [=, this](const access::Identity& caller) {
                       return admin_->SetUserPassword(caller, *request);
                     });
}

grpc::ServerUnaryReactor* AccountService::RevokeUserTokens(
    grpc::CallbackServerContext* context, const v1::RevokeUserTokensRequest* request,
    v1::RevokeUserTokensResponse*) {
  return calls_->Run(context, "carillon.v1.AccountService/RevokeUserTokens",
                     [=, this](const access::Identity& caller) {
                       return admin_->RevokeUserTokens(caller, *request);
                     });
}

grpc::ServerUnaryReactor* AccountService::DeleteUser(grpc::CallbackServerContext* context,
                                                     const v1::DeleteUserRequest* request,
                                                     v1::DeleteUserResponse*) {
  return calls_->Run(
      context, "carillon.v1.AccountService/DeleteUser",
      [=, this](const access::Identity& caller) { return admin_->DeleteUser(caller, *request); });
}

grpc::ServerUnaryReactor* AccountService::GrantToken(grpc::CallbackServerContext* context,
                                                     const v1::GrantTokenRequest* request,
                                                     v1::GrantTokenResponse* response) {
  return calls_->Run(context, "carillon.v1.AccountService/GrantToken",
                     [=, this](const access::Identity& caller) {
                       return Answer(admin_->GrantToken(caller, *request), response);
                     });
}

grpc::ServerUnaryReactor* AccountService::PutRole(grpc::CallbackServerContext* context,
                                                  const v1::PutRoleRequest* request,
                                                  v1::PutRoleResponse* response) {
  return calls_->Run(context, "carillon.v1.AccountService/PutRole",
                     [=, this](const access::Identity& caller) {
                       return Answer(admin_->PutRole(caller, *request), response->mutable_role());
                     });
}

grpc::ServerUnaryReactor* AccountService::ListRoles(grpc::CallbackServerContext* context,
                                                    const v1::ListRolesRequest* request,
                                                    v1::ListRolesResponse* response) {
  return calls_->Run(context, "carillon.v1.AccountService/ListRoles",
                     [=, this](const access::Identity& caller) {
                       return Answer(admin_->ListRoles(caller, *request), response);
                     });
}

grpc::ServerUnaryReactor* AccountService::DeleteRole(grpc::CallbackServerContext* context,
                                                     const v1::DeleteRoleRequest* request,
                                                     v1::DeleteRoleResponse*) {
  return calls_->Run(
      context, "carillon.v1.AccountService/DeleteRole",
      [=, this](const access::Identity& caller) { return admin_->DeleteRole(caller, *request); });
}

}  // namespace carillon::service
