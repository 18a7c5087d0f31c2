// Who is connected, as what, and until when.
#ifndef CARILLON_BROKER_ACCESS_SESSION_H_
#define CARILLON_BROKER_ACCESS_SESSION_H_

#include <list>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/access/scope.h"

namespace carillon::access {

// What credentials proved, and how far a token narrows it. Enough to work out the scope anew when
// accounts change. Shared by the sessions that the same credentials opened.
struct Grant {
  std::string principal;
  // The first 128 bits of the SHA-256 of the user's secret when the credentials were checked:
  // another one now means that they are void.
  std::string secret_digest;
  // Roles the token is narrowed to; empty: not narrowed.
  std::vector<std::string> roles;
  std::optional<v1::Claim> claim;
  absl::Time expire_time = absl::InfiniteFuture();
};

using GrantPtr = std::shared_ptr<const Grant>;

// A user whose credentials were good a moment ago.
struct Identity {
  GrantPtr grant;
  ScopePtr scope;

  const std::string& principal() const { return grant->principal; }
};

// An identity in use: by a stream of the user's own, or by a facade on the user's behalf. Made by
// AccessControl, which keeps its scope true while accounts change and ends it when it expires. Any
// thread.
class Session {
 public:
  // The facade's principal, or "" for a stream of the user's own.
  const std::string owner;
  // Session.session_id of the API; empty for a stream of the user's own.
  const std::string id;
  const GrantPtr grant;

  const std::string& principal() const { return grant->principal; }

  // Null once the session has ended.
  ScopePtr scope() const ABSL_LOCKS_EXCLUDED(mu_);
  // Why it ended: UNAUTHENTICATED with an ErrorInfo reason (SESSION_EXPIRED, TOKEN_REVOKED,
  // USER_REMOVED; SESSION_CLOSED when its owner closed it), or RESOURCE_EXHAUSTED (SESSION_EVICTED:
  // it made room for another); OK while it lives.
  absl::Status end() const ABSL_LOCKS_EXCLUDED(mu_);
  // The change of its scope is in force: until then the former scope counts it as live, so that
  // nobody misses what both allow. Idempotent.
  void ReleaseFormerScope() ABSL_LOCKS_EXCLUDED(mu_);

  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

 private:
  friend class SessionRegistry;
  Session(std::string owner, std::string id, GrantPtr grant, ScopePtr scope);
  // A null scope ends it, with `end` as the reason. Keeps Scope::live_sessions right.
  void Set(ScopePtr scope, absl::Status end) ABSL_LOCKS_EXCLUDED(mu_);

  // Where a facade's is in SessionRegistry::least_recent_.
  std::list<const Session*>::iterator use_;

  mutable absl::Mutex mu_;
  ScopePtr scope_ ABSL_GUARDED_BY(mu_);
  ScopePtr former_scope_ ABSL_GUARDED_BY(mu_);
  absl::Status end_ ABSL_GUARDED_BY(mu_);
};

using SessionPtr = std::shared_ptr<Session>;

// Hears of sessions whose scope has changed or that have ended.
class SessionListener {
 public:
  virtual ~SessionListener() = default;
  // Called after the change is visible in the session; must not return before it is in force for
  // all deliveries to come. Calls ReleaseFormerScope when it is, or leaves that to its caller.
  // Blocks its caller, never a gRPC thread. Calls come one at a time. May open and find sessions
  // and let go of them, but not wait for a call that changes accounts or closes sessions: that one
  // waits for this one to return.
  virtual void OnSessionsChanged(const std::vector<SessionPtr>& sessions) = 0;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_SESSION_H_
