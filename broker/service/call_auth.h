// Who makes a call, and word of the calls that are refused.
#ifndef CARILLON_BROKER_SERVICE_CALL_AUTH_H_
#define CARILLON_BROKER_SERVICE_CALL_AUTH_H_

#include <grpcpp/server_context.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "broker/access/access_control.h"

namespace carillon::service {

// A call that was turned away. Texts are free of control characters, credentials are in none.
struct RefusedCall {
  // The connection's other end, such as "ipv4:127.0.0.1:51234".
  std::string peer;
  // SessionService.OpenSession: where the facade says its user connects from.
  std::string user_peer;
  // The caller's name; empty if it was not proven.
  std::string principal;
  // Such as "carillon.v1.AccountService/CreateUser".
  absl::string_view rpc;
  // UNAUTHENTICATED, PERMISSION_DENIED, RESOURCE_EXHAUSTED or UNAVAILABLE, with an ErrorInfo.
  absl::Status reason;
};

// For logs and metrics.
class RefusalObserver {
 public:
  virtual ~RefusalObserver() = default;
  // Called by gRPC threads and others, several at a time; must not block.
  virtual void OnCallRefused(const RefusedCall& call) = 0;
};

// Any thread.
class CallAuth {
 public:
  // `access` and `observer` (or null) must outlive it. `client_certificates`: whether the server
  // lets no client certificate in that it has not verified; only then do certificates count.
  CallAuth(access::AccessControl* access, RefusalObserver* observer, bool client_certificates);

  // Finds out who calls: by the metadata entry "authorization" if there is one, else by the common
  // name of the client certificate. Calls `done` once, as AccessControl::Authenticate does, and
  // reports a refusal of its own to the observer. `context` must live until then; `rpc` is a
  // literal.
  void Authenticate(const grpc::CallbackServerContext* context, absl::string_view rpc,
                    access::AccessControl::AuthenticateCallback done) const;

  // Tells the observer if `status` is a refusal.
  void Report(const grpc::CallbackServerContext* context, absl::string_view rpc,
              absl::string_view principal, const absl::Status& status,
              absl::string_view user_peer = "") const;

 private:
  absl::StatusOr<access::Identity> IdentityOfCertificate(
      const grpc::CallbackServerContext* context) const;

  access::AccessControl* const access_;
  RefusalObserver* const observer_;
  const bool client_certificates_;
};

}  // namespace carillon::service

#endif  // CARILLON_BROKER_SERVICE_CALL_AUTH_H_
