#include "wsfacade/hub/session_registry.h"

#include <algorithm>
#include <utility>

namespace carillon::facade {
namespace {

constexpr size_t kSweepMin = 64;

}  // namespace

ScopePtr SessionRegistry::Intern(absl::string_view scope) {
  if (auto found = scopes_.find(scope); found != scopes_.end()) return found->second.scope;
  if (scopes_.size() >= sweep_at_) {
    absl::erase_if(scopes_, [](const auto& entry) {
      return entry.second.sessions.empty() && entry.second.scope.use_count() == 1;
    });
    sweep_at_ = std::max(kSweepMin, 2 * scopes_.size());
  }
  ScopePtr interned = std::make_shared<const std::string>(scope);
  scopes_[scope].scope = interned;
  return interned;
}

void SessionRegistry::Join(UserSession* session, absl::string_view scope) {
  session->scope = Intern(scope);
  ScopeEntry& entry = scopes_.find(scope)->second;
  session->index_in_scope = entry.sessions.size();
  entry.sessions.push_back(session);
}

void SessionRegistry::Leave(UserSession* session) {
  auto found = scopes_.find(*session->scope);
  std::vector<UserSession*>& sessions = found->second.sessions;
  UserSession* last = sessions.back();
  sessions[session->index_in_scope] = last;
  last->index_in_scope = session->index_in_scope;
  sessions.pop_back();
  session->scope = nullptr;
}

UserSessionPtr SessionRegistry::Add(std::string id, std::string principal, int thread,
                                    absl::string_view scope) {
  if (sessions_.contains(id)) return nullptr;
  auto session = std::make_shared<UserSession>(std::move(id), std::move(principal), thread);
  Join(session.get(), scope);
  session->thread_side.scope = session->scope;
  sessions_.insert(session);
  return session;
}

UserSessionPtr SessionRegistry::Find(absl::string_view id) const {
  auto found = sessions_.find(id);
  return found == sessions_.end() ? nullptr : *found;
}

void SessionRegistry::Remove(const UserSessionPtr& session) {
  auto found = sessions_.find(session->id);
  if (found == sessions_.end() || *found != session) return;
  Leave(session.get());
  sessions_.erase(found);
}

void SessionRegistry::SetScope(const UserSessionPtr& session, absl::string_view scope) {
  Leave(session.get());
  Join(session.get(), scope);
  session->scope_is_stale = false;
}

UserSessionPtr SessionRegistry::AnyOf(const ScopePtr& scope) const {
  auto found = scopes_.find(*scope);
  if (found == scopes_.end()) return nullptr;
  for (UserSession* session : found->second.sessions) {
    if (!session->scope_is_stale) return Find(session->id);
  }
  return nullptr;
}

std::vector<UserSessionPtr> SessionRegistry::all() const {
  return {sessions_.begin(), sessions_.end()};
}

}  // namespace carillon::facade
