// All sessions that are in force, and what ends them.
#ifndef CARILLON_BROKER_ACCESS_SESSION_REGISTRY_H_
#define CARILLON_BROKER_ACCESS_SESSION_REGISTRY_H_

#include <cstddef>
#include <functional>
#include <list>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/btree_set.h"
#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "broker/access/account_directory.h"
#include "broker/access/session.h"

namespace carillon::access {

// Sessions of facades are held until they end; a user's own only as long as someone else holds
// them. Any thread.
//
// Locks are taken in this order: change_mu_, mu_, then those of the directory and of a session. The
// listener is called with change_mu_ alone.
class SessionRegistry : public std::enable_shared_from_this<SessionRegistry> {
 public:
  // `directory` must outlive it. At most `facade_sessions_max` sessions of facades: beyond that
  // those end that nobody has used for longest and that no call holds at that moment (their owner
  // can resume them).
  static std::shared_ptr<SessionRegistry> Create(const AccountDirectory* directory,
                                                 std::function<absl::Time()> clock,
                                                 size_t facade_sessions_max);

  // Once, before the first session. `listener` must outlive the calls below.
  void SetListener(SessionListener* listener) ABSL_LOCKS_EXCLUDED(change_mu_);

  // A session for `grant`, as accounts are now; `owner` and `id` are empty for a stream of the
  // user's own. If the owner has one of this id it is that one. UNAUTHENTICATED (SESSION_EXPIRED,
  // TOKEN_REVOKED, USER_REMOVED); RESOURCE_EXHAUSTED (SESSIONS_EXHAUSTED).
  absl::StatusOr<SessionPtr> Open(const std::string& owner, const std::string& id,
                                  const GrantPtr& grant) ABSL_LOCKS_EXCLUDED(mu_);

  // Null if there is none of this owner.
  SessionPtr Find(absl::string_view owner, absl::string_view id) ABSL_LOCKS_EXCLUDED(mu_);

  // Each of these changes sessions and returns when the listener knows, also of what Open has
  // evicted before.
  void Close(absl::string_view owner, absl::Span<const std::string> ids)
      ABSL_LOCKS_EXCLUDED(change_mu_, mu_);
  // Works out the scopes of these users' sessions anew.
  void Reevaluate(absl::Span<const std::string> principals) ABSL_LOCKS_EXCLUDED(change_mu_, mu_);
  // Ends what has expired.
  void EndDue() ABSL_LOCKS_EXCLUDED(change_mu_, mu_);

  // Waits until there is something for EndDue: true. False after StopWaiting.
  bool WaitUntilDue() ABSL_LOCKS_EXCLUDED(mu_);
  void StopWaiting() ABSL_LOCKS_EXCLUDED(mu_);

  // Sessions in force, and those of them that facades hold.
  size_t size() const ABSL_LOCKS_EXCLUDED(mu_);
  size_t facade_sessions() const ABSL_LOCKS_EXCLUDED(mu_);

 private:
  // Sessions whose last reference must not go while mu_ is held, as that takes mu_.
  using Sessions = std::vector<SessionPtr>;
  using BySession = absl::flat_hash_map<const Session*, std::weak_ptr<Session>>;
  // Of sessions and of their ids.
  struct IdHash {
    using is_transparent = void;
    size_t operator()(absl::string_view id) const { return absl::HashOf(id); }
    size_t operator()(const SessionPtr& session) const { return absl::HashOf(session->id); }
  };
  struct IdEqual {
    using is_transparent = void;
    bool operator()(const SessionPtr& a, const SessionPtr& b) const { return a->id == b->id; }
    bool operator()(const SessionPtr& a, absl::string_view id) const { return a->id == id; }
  };

  SessionRegistry(const AccountDirectory* directory, std::function<absl::Time()> clock,
                  size_t facade_sessions_max);

  absl::StatusOr<ScopePtr> EvaluateNow(const Grant& grant) const;
  SessionPtr MakeSession(const std::string& owner, const std::string& id, const GrantPtr& grant,
                         ScopePtr scope);
  // Null if there is none of this owner. Counts as a use.
  SessionPtr FindFacadeLocked(absl::string_view owner, absl::string_view id)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  bool MakeRoomLocked(Sessions* dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void AddLocked(const SessionPtr& session) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  // Takes it out of all indexes; the facade's reference goes to `dropped`.
  void RemoveLocked(const Session* session, Sessions* dropped) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void EndLocked(const SessionPtr& session, absl::Status reason, Sessions* dropped)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void ReevaluateLocked(absl::Span<const SessionPtr> affected, Sessions* changed, Sessions* dropped)
      ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Forget(const Session* session) ABSL_LOCKS_EXCLUDED(mu_);
  void Tell(const Sessions& changed) ABSL_EXCLUSIVE_LOCKS_REQUIRED(change_mu_);

  const AccountDirectory* const directory_;
  const std::function<absl::Time()> clock_;
  const size_t facade_sessions_max_;

  // Held through a change and the listener's call about it, so that changes come one at a time.
  absl::Mutex change_mu_ ABSL_ACQUIRED_BEFORE(mu_);
  SessionListener* listener_ ABSL_GUARDED_BY(change_mu_) = nullptr;

  mutable absl::Mutex mu_;
  absl::flat_hash_map<std::string, BySession> by_principal_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_set<SessionPtr, IdHash, IdEqual> facades_by_id_ ABSL_GUARDED_BY(mu_);
  std::list<const Session*> least_recent_ ABSL_GUARDED_BY(mu_);
  absl::btree_set<std::pair<absl::Time, const Session*>> by_expiry_ ABSL_GUARDED_BY(mu_);
  // Ended by Open, which must not wait for the listener.
  Sessions evicted_ ABSL_GUARDED_BY(mu_);
  size_t size_ ABSL_GUARDED_BY(mu_) = 0;
  bool stopped_ ABSL_GUARDED_BY(mu_) = false;
  // Something is due, or earlier than before.
  absl::CondVar due_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_SESSION_REGISTRY_H_
