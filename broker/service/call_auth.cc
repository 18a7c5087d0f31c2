#include "broker/service/call_auth.h"

#include <grpc/grpc_security_constants.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "absl/strings/escaping.h"
#include "carillon/wire/error.h"

namespace carillon::service {
namespace {

constexpr char kAuthorization[] = "authorization";

absl::Status Invalid(absl::string_view message) {
  return wire::Error(absl::StatusCode::kUnauthenticated, "CREDENTIALS_INVALID", message);
}

bool IsPrintableAscii(absl::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return c >= ' ' && c <= '~'; });
}

bool IsRefusal(const absl::Status& status) {
  return absl::IsUnauthenticated(status) || absl::IsPermissionDenied(status) ||
         absl::IsResourceExhausted(status) || absl::IsUnavailable(status);
}

}  // namespace

CallAuth::CallAuth(access::AccessControl* access, RefusalObserver* observer,
                   bool client_certificates)
    : access_(access), observer_(observer), client_certificates_(client_certificates) {}

void CallAuth::Authenticate(const grpc::CallbackServerContext* context, absl::string_view rpc,
                            access::AccessControl::AuthenticateCallback done) const {
  auto report = [this, context, rpc,
                 done = std::move(done)](absl::StatusOr<access::Identity> identity) {
    if (!identity.ok()) Report(context, rpc, "", identity.status());
    done(std::move(identity));
  };
  const auto [begin, end] = context->client_metadata().equal_range(kAuthorization);
  if (begin == end && client_certificates_) return report(IdentityOfCertificate(context));
  if (begin == end) return access_->Authenticate("", std::move(report));
  if (std::next(begin) != end) return report(Invalid("there must be one \"authorization\" only"));
  const absl::string_view value(begin->second.data(), begin->second.size());
  if (!IsPrintableAscii(value)) return report(Invalid("\"authorization\" must be ASCII text"));
  access_->Authenticate(value, std::move(report));
}

absl::StatusOr<access::Identity> CallAuth::IdentityOfCertificate(
    const grpc::CallbackServerContext* context) const {
  const auto peer = context->auth_context();
  std::vector<grpc::string_ref> names;
  if (peer != nullptr && peer->IsPeerAuthenticated()) {
    names = peer->FindPropertyValues(GRPC_X509_CN_PROPERTY_NAME);
  }
  if (names.empty()) {
    return wire::Error(absl::StatusCode::kUnauthenticated, "CREDENTIALS_MISSING",
                       "the metadata entry \"authorization\" or a client certificate whose common "
                       "name is a user's is needed");
  }
  if (names.size() > 1) return Invalid("the client certificate must have one common name");
  return access_->Identify(absl::string_view(names.front().data(), names.front().size()));
}

void CallAuth::Report(const grpc::CallbackServerContext* context, absl::string_view rpc,
                      absl::string_view principal, const absl::Status& status,
                      absl::string_view user_peer) const {
  if (observer_ == nullptr || !IsRefusal(status)) return;
  observer_->OnCallRefused({absl::Utf8SafeCEscape(context->peer()),
                            absl::Utf8SafeCEscape(user_peer), absl::Utf8SafeCEscape(principal), rpc,
                            status});
}

}  // namespace carillon::service
