// carillon.v1.SessionService: sessions that facades hold for their users.
#ifndef CARILLON_BROKER_SERVICE_SESSION_SERVICE_H_
#define CARILLON_BROKER_SERVICE_SESSION_SERVICE_H_

#include "absl/status/status.h"
#include "broker/access/access_control.h"
#include "broker/service/unary_calls.h"
#include "carillon/v1/session_service.grpc.pb.h"

namespace carillon::service {

class SessionService final : public v1::SessionService::CallbackService {
 public:
  // Both must outlive the last call.
  SessionService(access::AccessControl* access, const UnaryCalls* calls)
      : access_(access), calls_(calls) {}

  grpc::ServerUnaryReactor* OpenSession(grpc::CallbackServerContext* context,
                                        const v1::OpenSessionRequest* request,
                                        v1::OpenSessionResponse* response) override;
  grpc::ServerUnaryReactor* ResumeSessions(grpc::CallbackServerContext* context,
                                           const v1::ResumeSessionsRequest* request,
                                           v1::ResumeSessionsResponse* response) override;
  grpc::ServerUnaryReactor* CloseSessions(grpc::CallbackServerContext* context,
                                          const v1::CloseSessionsRequest* request,
                                          v1::CloseSessionsResponse* response) override;

 private:
  absl::Status FinishOpen(const access::Identity& caller,
                          const absl::StatusOr<access::Identity>& user,
                          v1::OpenSessionResponse* response) const;

  access::AccessControl* const access_;
  const UnaryCalls* const calls_;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_SESSION_SERVICE_H_
