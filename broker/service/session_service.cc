#include "broker/service/session_service.h"

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "carillon/wire/error.h"

namespace carillon::service {
namespace {

using SessionIds = google::protobuf::RepeatedPtrField<std::string>;

constexpr size_t kAuthorizationBytesMax = 8192;
constexpr size_t kPeerBytesMax = 256;
constexpr size_t kSessionIdBytesMax = 4096;
constexpr int kSessionsPerCallMax = 1000;

absl::Status CheckOpen(const v1::OpenSessionRequest& request) {
  if (request.authorization().size() > kAuthorizationBytesMax) {
    return wire::FieldError("authorization", "must be at most 8 KiB");
  }
  if (request.peer().size() > kPeerBytesMax) {
    return wire::FieldError("peer", "must be at most 256 bytes");
  }
  return absl::OkStatus();
}

absl::Status CheckIds(const SessionIds& ids) {
  if (ids.empty() || ids.size() > kSessionsPerCallMax) {
    return wire::FieldError("session_ids", "must be 1 to 1,000");
  }
  for (int i = 0; i < ids.size(); ++i) {
    if (ids[i].empty() || ids[i].size() > kSessionIdBytesMax) {
      return wire::FieldError(absl::StrCat("session_ids[", i, "]"),
                              "must be the session_id of a Session");
    }
  }
  return absl::OkStatus();
}

// Tells a facade that it is the user's credentials that are refused, not its own.
absl::Status OfUser(const absl::Status& status) {
  const auto info = wire::ErrorInfoOf(status);
  if (!absl::IsUnauthenticated(status) || !info.has_value()) return status;
  return wire::Error(status.code(), info->reason(), status.message(), {{"credentials", "user"}});
}

// Fails with the reason if the session has ended meanwhile.
absl::Status Describe(const access::Session& session, v1::Session* description) {
  const access::ScopePtr scope = session.scope();
  if (scope == nullptr) return session.end();
  description->set_session_id(session.id);
  description->set_principal(session.principal());
  description->set_scope(scope->id());
  if (session.grant->expire_time != absl::InfiniteFuture()) {
    description->mutable_expire_time()->set_seconds(
        absl::ToUnixSeconds(session.grant->expire_time));
  }
  return absl::OkStatus();
}

}  // namespace

grpc::ServerUnaryReactor* SessionService::OpenSession(grpc::CallbackServerContext* context,
                                                      const v1::OpenSessionRequest* request,
                                                      v1::OpenSessionResponse* response) {
  const auto open = [=, this](const access::Identity& caller, const UnaryCalls::Finish& finish) {
    if (absl::Status good = CheckOpen(*request); !good.ok()) return finish(good);
    access_->Authenticate(request->authorization(),
                          [=, this](const absl::StatusOr<access::Identity>& user) {
                            finish(FinishOpen(caller, user, response));
                          });
  };
  return calls_->RunAsync(context, "carillon.v1.SessionService/OpenSession", open, request->peer());
}

absl::Status SessionService::FinishOpen(const access::Identity& caller,
                                        const absl::StatusOr<access::Identity>& user,
                                        v1::OpenSessionResponse* response) const {
  if (!user.ok()) return OfUser(user.status());
  // To check the user's password may have taken long.
  const auto owner = access_->Renew(caller);
  if (!owner.ok()) return owner.status();
  const auto session = access_->OpenSession(*owner, *user);
  if (!session.ok()) return OfUser(session.status());
  return Describe(**session, response->mutable_session());
}

grpc::ServerUnaryReactor* SessionService::ResumeSessions(grpc::CallbackServerContext* context,
                                                         const v1::ResumeSessionsRequest* request,
                                                         v1::ResumeSessionsResponse* response) {
  return calls_->Run(context, "carillon.v1.SessionService/ResumeSessions",
                     [this, request, response](const access::Identity& caller) -> absl::Status {
                       if (absl::Status good = CheckIds(request->session_ids()); !good.ok())
                         return good;
                       for (const std::string& id : request->session_ids()) {
                         v1::ResumeSessionResult* result = response->add_results();
                         const auto session = access_->ResumeSession(caller, id);
                         const absl::Status resumed =
                             session.ok() ? Describe(**session, result->mutable_session())
                                          : session.status();
                         if (resumed.ok()) continue;
                         result->clear_session();
                         *result->mutable_error() = wire::ToRpcStatus(resumed);
                       }
                       return absl::OkStatus();
                     });
}

grpc::ServerUnaryReactor* SessionService::CloseSessions(grpc::CallbackServerContext* context,
                                                        const v1::CloseSessionsRequest* request,
                                                        v1::CloseSessionsResponse*) {
  return calls_->Run(context, "carillon.v1.SessionService/CloseSessions",
                     [this, request](const access::Identity& caller) {
                       absl::Status good = CheckIds(request->session_ids());
                       if (!good.ok()) return good;
                       const std::vector<std::string> ids(request->session_ids().begin(),
                                                          request->session_ids().end());
                       access_->CloseSessions(caller.principal(), ids);
                       return absl::OkStatus();
                     });
}

}  // namespace carillon::service
