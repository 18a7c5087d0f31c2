#include "broker/access/session_registry.h"

#include <algorithm>
#include <utility>

#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

// Evicted sessions whose end is still to be told.
constexpr size_t kEvictedMax = 1'000;

absl::Status Expired() {
  return wire::Error(absl::StatusCode::kUnauthenticated, "SESSION_EXPIRED",
                     "the token has expired; get a new one");
}

absl::Status Closed() {
  return wire::Error(absl::StatusCode::kUnauthenticated, "SESSION_CLOSED",
                     "the session was closed by its owner");
}

absl::Status Evicted() {
  return wire::Error(absl::StatusCode::kResourceExhausted, "SESSION_EVICTED",
                     "the broker holds as many sessions as it may, and this one was unused for "
                     "longest; open another");
}

absl::Status Exhausted() {
  return wire::WithRetry(
      wire::Error(absl::StatusCode::kResourceExhausted, "SESSIONS_EXHAUSTED",
                  "the broker holds as many sessions as it may, and none can end at this moment; "
                  "try again later"),
      absl::Seconds(30));
}

}  // namespace

std::shared_ptr<SessionRegistry> SessionRegistry::Create(const AccountDirectory* directory,
                                                         std::function<absl::Time()> clock,
                                                         size_t facade_sessions_max) {
  return std::shared_ptr<SessionRegistry>(
      new SessionRegistry(directory, std::move(clock), facade_sessions_max));
}

SessionRegistry::SessionRegistry(const AccountDirectory* directory,
                                 std::function<absl::Time()> clock, size_t facade_sessions_max)
    : directory_(directory), clock_(std::move(clock)), facade_sessions_max_(facade_sessions_max) {}

void SessionRegistry::SetListener(SessionListener* listener) {
  absl::MutexLock lock(&change_mu_);
  listener_ = listener;
}

absl::StatusOr<ScopePtr> SessionRegistry::EvaluateNow(const Grant& grant) const {
  if (clock_() >= grant.expire_time) return Expired();
  return directory_->Evaluate(grant);
}

SessionPtr SessionRegistry::MakeSession(const std::string& owner, const std::string& id,
                                        const GrantPtr& grant, ScopePtr scope) {
  return SessionPtr(new Session(owner, id, grant, std::move(scope)),
                    [registry = weak_from_this()](Session* session) {
                      if (const auto alive = registry.lock()) alive->Forget(session);
                      delete session;
                    });
}

absl::StatusOr<SessionPtr> SessionRegistry::Open(const std::string& owner, const std::string& id,
                                                 const GrantPtr& grant) {
  // Declared before the lock: what they hold goes after it.
  SessionPtr session;
  Sessions dropped;
  absl::MutexLock lock(&mu_);
  // Under the lock, so that a change to accounts either is seen here or finds the session.
  auto scope = EvaluateNow(*grant);
  if (!scope.ok()) return scope.status();
  if (!id.empty()) {
    if (SessionPtr known = FindFacadeLocked(owner, id)) return known;
    if (!MakeRoomLocked(&dropped)) return Exhausted();
  }
  session = MakeSession(owner, id, grant, *std::move(scope));
  AddLocked(session);
  return session;
}

SessionPtr SessionRegistry::Find(absl::string_view owner, absl::string_view id) {
  absl::MutexLock lock(&mu_);
  return FindFacadeLocked(owner, id);
}

SessionPtr SessionRegistry::FindFacadeLocked(absl::string_view owner, absl::string_view id) {
  const auto found = facades_by_id_.find(id);
  if (found == facades_by_id_.end() || (*found)->owner != owner) return nullptr;
  least_recent_.splice(least_recent_.end(), least_recent_, (*found)->use_);
  return *found;
}

bool SessionRegistry::MakeRoomLocked(Sessions* dropped) {
  // Looks at a few only: one that is held has been used since, whatever the list says.
  constexpr int kLooksMax = 64;
  for (int look = 0; facades_by_id_.size() >= facade_sessions_max_; ++look) {
    if (look == kLooksMax || least_recent_.empty() || evicted_.size() >= kEvictedMax) return false;
    const SessionPtr& oldest = *facades_by_id_.find(least_recent_.front()->id);
    if (oldest.use_count() > 1) {
      least_recent_.splice(least_recent_.end(), least_recent_, oldest->use_);
      continue;
    }
    evicted_.push_back(oldest);
    EndLocked(evicted_.back(), Evicted(), dropped);
    due_.SignalAll();
  }
  return true;
}

void SessionRegistry::AddLocked(const SessionPtr& session) {
  by_principal_[session->principal()].emplace(session.get(), session);
  ++size_;
  if (!session->id.empty()) {
    session->use_ = least_recent_.insert(least_recent_.end(), session.get());
    facades_by_id_.insert(session);
  }
  if (session->grant->expire_time != absl::InfiniteFuture()) {
    by_expiry_.emplace(session->grant->expire_time, session.get());
    due_.SignalAll();
  }
}

void SessionRegistry::RemoveLocked(const Session* session, Sessions* dropped) {
  const auto of_principal = by_principal_.find(session->principal());
  if (of_principal == by_principal_.end() || of_principal->second.erase(session) == 0) return;
  if (of_principal->second.empty()) by_principal_.erase(of_principal);
  --size_;
  by_expiry_.erase({session->grant->expire_time, session});
  if (const auto found = facades_by_id_.find(session->id); found != facades_by_id_.end()) {
    least_recent_.erase(session->use_);
    dropped->push_back(*found);
    facades_by_id_.erase(found);
  }
}

void SessionRegistry::EndLocked(const SessionPtr& session, absl::Status reason, Sessions* dropped) {
  session->Set(nullptr, std::move(reason));
  RemoveLocked(session.get(), dropped);
}

void SessionRegistry::Forget(const Session* session) {
  // The last reference is gone, so the registry holds none to drop.
  Sessions dropped;
  absl::MutexLock lock(&mu_);
  RemoveLocked(session, &dropped);
}

void SessionRegistry::Tell(const Sessions& changed) {
  if (listener_ != nullptr && !changed.empty()) listener_->OnSessionsChanged(changed);
  for (const SessionPtr& session : changed) session->ReleaseFormerScope();
}

void SessionRegistry::Close(absl::string_view owner, absl::Span<const std::string> ids) {
  Sessions changed, dropped;
  absl::MutexLock change_lock(&change_mu_);
  {
    absl::MutexLock lock(&mu_);
    changed.swap(evicted_);
    for (const std::string& id : ids) {
      SessionPtr found = FindFacadeLocked(owner, id);
      if (found == nullptr) continue;
      changed.push_back(std::move(found));
      EndLocked(changed.back(), Closed(), &dropped);
    }
  }
  Tell(changed);
}

void SessionRegistry::Reevaluate(absl::Span<const std::string> principals) {
  Sessions affected, changed, dropped;
  absl::MutexLock change_lock(&change_mu_);
  {
    absl::MutexLock lock(&mu_);
    changed.swap(evicted_);
    for (const std::string& principal : principals) {
      const auto found = by_principal_.find(principal);
      if (found == by_principal_.end()) continue;
      for (const auto& [raw, weak] : found->second) {
        if (SessionPtr session = weak.lock()) affected.push_back(std::move(session));
      }
    }
  }
  // Of the many that a role may have a few at a time: to work out their scopes takes long, and
  // nobody can open or find a session meanwhile. What is held is not evicted.
  constexpr size_t kAtATime = 64;
  const absl::Span<const SessionPtr> all = affected;
  for (size_t i = 0; i < all.size(); i += kAtATime) {
    absl::MutexLock lock(&mu_);
    ReevaluateLocked(all.subspan(i, kAtATime), &changed, &dropped);
  }
  Tell(changed);
}

void SessionRegistry::ReevaluateLocked(absl::Span<const SessionPtr> affected, Sessions* changed,
                                       Sessions* dropped) {
  GrantPtr grant;
  absl::StatusOr<ScopePtr> scope;
  for (const SessionPtr& session : affected) {
    // Those that the same credentials opened share a grant.
    if (std::exchange(grant, session->grant) != session->grant) {
      scope = directory_->Evaluate(*grant);
    }
    if (!scope.ok()) {
      EndLocked(session, scope.status(), dropped);
    } else if (*scope != session->scope()) {
      session->Set(*scope, absl::OkStatus());
    } else {
      continue;
    }
    changed->push_back(session);
  }
}

void SessionRegistry::EndDue() {
  Sessions changed, dropped;
  absl::MutexLock change_lock(&change_mu_);
  {
    absl::MutexLock lock(&mu_);
    changed.swap(evicted_);
    const absl::Time now = clock_();
    while (!by_expiry_.empty() && by_expiry_.begin()->first <= now) {
      const Session* raw = by_expiry_.begin()->second;
      SessionPtr session = by_principal_.at(raw->principal()).at(raw).lock();
      if (session == nullptr) {
        // Its last reference is going at this moment.
        RemoveLocked(raw, &dropped);
        continue;
      }
      EndLocked(session, Expired(), &dropped);
      changed.push_back(std::move(session));
    }
  }
  Tell(changed);
}

bool SessionRegistry::WaitUntilDue() {
  // The clock may be set forward while this waits.
  constexpr absl::Duration kWaitMax = absl::Minutes(1);
  absl::MutexLock lock(&mu_);
  while (!stopped_) {
    if (!evicted_.empty()) return true;
    absl::Duration wait = kWaitMax;
    if (!by_expiry_.empty()) wait = std::min(wait, by_expiry_.begin()->first - clock_());
    if (wait <= absl::ZeroDuration()) return true;
    due_.WaitWithTimeout(&mu_, wait);
  }
  return false;
}

void SessionRegistry::StopWaiting() {
  absl::MutexLock lock(&mu_);
  stopped_ = true;
  due_.SignalAll();
}

size_t SessionRegistry::size() const {
  absl::MutexLock lock(&mu_);
  return size_;
}

size_t SessionRegistry::facade_sessions() const {
  absl::MutexLock lock(&mu_);
  return facades_by_id_.size();
}

}  // namespace carillon::access
