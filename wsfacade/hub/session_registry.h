// The broker's sessions, one for each websocket. Pure.
#ifndef CARILLON_WSFACADE_HUB_SESSION_REGISTRY_H_
#define CARILLON_WSFACADE_HUB_SESSION_REGISTRY_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "absl/hash/hash.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "wsfacade/hub/scope.h"

namespace carillon::facade {

class SessionSink;

// A user whose credentials the broker has accepted.
struct UserSession {
  UserSession(std::string session_id, std::string name, int io_thread)
      : id(std::move(session_id)), principal(std::move(name)), thread(io_thread) {}

  // Session.session_id of the API: a secret.
  const std::string id;
  const std::string principal;
  // Index of the I/O thread that serves it.
  const int thread;

  // As the hub knows it, under its lock.
  ScopePtr scope;
  // The broker has said that the scope is another one by now, but not which.
  bool scope_is_stale = false;
  size_t index_in_scope = 0;

  // The I/O thread's.
  struct ThreadSide {
    // Null before the websocket is there and after it has gone.
    SessionSink* sink = nullptr;
    ScopePtr scope;
    // Set if it ended before the websocket was there.
    absl::Status end;
  };
  ThreadSide thread_side;
};

using UserSessionPtr = std::shared_ptr<UserSession>;

// Not thread-safe.
class SessionRegistry {
 public:
  // The one object for this scope.
  ScopePtr Intern(absl::string_view scope);

  // Null: there is one with this id.
  UserSessionPtr Add(std::string id, std::string principal, int thread, absl::string_view scope);
  // Null: unknown.
  UserSessionPtr Find(absl::string_view id) const;
  void Remove(const UserSessionPtr& session);
  void SetScope(const UserSessionPtr& session, absl::string_view scope);

  // A session with this scope; null: there is none whose scope is certain.
  UserSessionPtr AnyOf(const ScopePtr& scope) const;

  std::vector<UserSessionPtr> all() const;
  size_t size() const { return sessions_.size(); }

 private:
  struct ScopeEntry {
    ScopePtr scope;
    std::vector<UserSession*> sessions;
  };

  // Of sessions and of their ids.
  struct IdHash {
    using is_transparent = void;
    size_t operator()(absl::string_view id) const { return absl::HashOf(id); }
    size_t operator()(const UserSessionPtr& session) const { return absl::HashOf(session->id); }
  };
  struct IdEqual {
    using is_transparent = void;
    bool operator()(const UserSessionPtr& a, const UserSessionPtr& b) const {
      return a->id == b->id;
    }
    bool operator()(const UserSessionPtr& a, absl::string_view id) const { return a->id == id; }
  };

  void Join(UserSession* session, absl::string_view scope);
  void Leave(UserSession* session);

  absl::flat_hash_set<UserSessionPtr, IdHash, IdEqual> sessions_;
  // Those that nobody uses any more are forgotten when so many have gathered.
  absl::flat_hash_map<std::string, ScopeEntry> scopes_;
  size_t sweep_at_ = 0;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_SESSION_REGISTRY_H_
