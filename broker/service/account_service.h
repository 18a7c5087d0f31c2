// carillon.v1.AccountService: users, roles and tokens. What each call may do is decided by
// AccountAdmin.
#ifndef CARILLON_BROKER_SERVICE_ACCOUNT_SERVICE_H_
#define CARILLON_BROKER_SERVICE_ACCOUNT_SERVICE_H_

#include "broker/access/account_admin.h"
#include "broker/service/unary_calls.h"
#include "carillon/v1/account_service.grpc.pb.h"

namespace carillon::service {

class AccountService final : public v1::AccountService::CallbackService {
 public:
  // Both must outlive the last call.
  AccountService(access::AccountAdmin* admin, const UnaryCalls* calls)
      : admin_(admin), calls_(calls) {}

  grpc::ServerUnaryReactor* CreateUser(grpc::CallbackServerContext* context,
                                       const v1::CreateUserRequest* request,
                                       v1::CreateUserResponse* response) override;
  grpc::ServerUnaryReactor* GetUser(grpc::CallbackServerContext* context,
                                    const v1::GetUserRequest* request,
                                    v1::GetUserResponse* response) override;
  grpc::ServerUnaryReactor* ListUsers(grpc::CallbackServerContext* context,
                                      const v1::ListUsersRequest* request,
                                      v1::ListUsersResponse* response) override;
  grpc::ServerUnaryReactor* SetUserRoles(grpc::CallbackServerContext* context,
                                         const v1::SetUserRolesRequest* request,
                                         v1::SetUserRolesResponse* response) override;
  grpc::ServerUnaryReactor* SetUserPassword(grpc::CallbackServerContext* context,
                                            const v1::SetUserPasswordRequest* request,
                                            v1::SetUserPasswordResponse* response) override;
  grpc::ServerUnaryReactor* RevokeUserTokens(grpc::CallbackServerContext* context,
                                             const v1::RevokeUserTokensRequest* request,
                                             v1::RevokeUserTokensResponse* response) override;
  grpc::ServerUnaryReactor* DeleteUser(grpc::CallbackServerContext* context,
                                       const v1::DeleteUserRequest* request,
                                       v1::DeleteUserResponse* response) override;
  grpc::ServerUnaryReactor* GrantToken(grpc::CallbackServerContext* context,
                                       const v1::GrantTokenRequest* request,
                                       v1::GrantTokenResponse* response) override;
  grpc::ServerUnaryReactor* PutRole(grpc::CallbackServerContext* context,
                                    const v1::PutRoleRequest* request,
                                    v1::PutRoleResponse* response) override;
  grpc::ServerUnaryReactor* ListRoles(grpc::CallbackServerContext* context,
                                      const v1::ListRolesRequest* request,
                                      v1::ListRolesResponse* response) override;
  grpc::ServerUnaryReactor* DeleteRole(grpc::CallbackServerContext* context,
                                       const v1::DeleteRoleRequest* request,
                                       v1::DeleteRoleResponse* response) override;

 private:
  access::AccountAdmin* const admin_;
  const UnaryCalls* const calls_;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_ACCOUNT_SERVICE_H_
