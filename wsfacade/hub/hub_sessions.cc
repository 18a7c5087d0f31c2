// The sessions of users: opened for a websocket, resumed on each new stream, closed, changed.
#include <algorithm>
#include <limits>
#include <utility>

#include "carillon/wire/error.h"
#include "deploy/program/logging.h"
#include "wsfacade/hub/hub.h"

namespace carillon::facade {
namespace {

using program::Level;
using program::Log;

// Of one request: the API's limit for ResumeSessions and CloseSessions.
constexpr size_t kSessionsPerRequest = 1'000;
constexpr absl::Duration kRetry = absl::Seconds(1);

}  // namespace

SessionLease::SessionLease(Hub* hub, UserSessionPtr session)
    : hub_(hub), session_(std::move(session)) {}

SessionLease::~SessionLease() { Close(); }

SessionLease::SessionLease(SessionLease&& other) noexcept
    : hub_(other.hub_),
      session_(std::move(other.session_)),
      attached_(std::exchange(other.attached_, false)) {}

SessionLease& SessionLease::operator=(SessionLease&& other) noexcept {
  if (this == &other) return *this;
  Close();
  hub_ = other.hub_;
  session_ = std::move(other.session_);
  attached_ = std::exchange(other.attached_, false);
  return *this;
}

void SessionLease::Attach(SessionSink* sink) {
  attached_ = true;
  session_->thread_side.sink = sink;
  if (!session_->thread_side.end.ok()) sink->OnSessionEnded(session_->thread_side.end);
}

void SessionLease::Close() {
  if (session_ == nullptr) return;
  if (attached_) session_->thread_side.sink = nullptr;
  hub_->CloseSession(session_);
  session_ = nullptr;
}

void Hub::OpenSession(std::string authorization, const std::string& peer, const IoThread& thread,
                      OpenCallback done) {
  Opening opening{.thread = thread.index(), .epoch = 0, .done = std::move(done)};
  {
    absl::MutexLock lock(&mu_);
    ++openings_;
    opening.epoch = epoch_;
  }
  v1::OpenSessionRequest request;
  request.set_authorization(std::move(authorization));
  request.set_peer(peer);
  calls_.OpenSession(std::move(request), patience(),
                     [this, opening = std::move(opening)](
                         absl::StatusOr<v1::OpenSessionResponse> response) mutable {
                       OnOpened(std::move(opening), std::move(response));
                     });
}

void Hub::OnOpened(Opening opening, absl::StatusOr<v1::OpenSessionResponse> response) {
  UserSessionPtr session;
  absl::Status status = response.status();
  bool confirm = false;
  {
    absl::MutexLock lock(&mu_);
    if (status.ok()) {
      v1::Session& opened = *response->mutable_session();
      session = sessions_.Add(std::move(*opened.mutable_session_id()), opened.principal(),
                              opening.thread, opened.scope());
      if (session == nullptr) status = absl::InternalError("the broker opened a session twice");
    }
    if (status.ok()) {
      if (auto changed = changes_.find(session->id); changed != changes_.end()) {
        const absl::Status end = wire::FromRpcStatus(changed->second.error());
        if (end.ok()) {
          sessions_.SetScope(session, changed->second.scope());
          session->thread_side.scope = session->scope;
        } else {
          sessions_.Remove(session);
          status = end;
        }
      }
      confirm = status.ok() && std::exchange(opening.epoch, epoch_) != epoch_;
    }
    if (!confirm) {
      --openings_;
      ForgetChanges();
      Flush();
    }
  }
  if (confirm) return Confirm(session, std::move(opening));
  if (status.ok()) {
    opening.done(SessionLease(this, std::move(session)));
  } else {
    opening.done(std::move(status));
  }
}

void Hub::Confirm(const UserSessionPtr& session, Opening opening) {
  v1::ResumeSessionsRequest request;
  request.add_session_ids(session->id);
  calls_.ResumeSessions(
      std::move(request), patience(),
      [this, session,
       opening = std::move(opening)](absl::StatusOr<v1::ResumeSessionsResponse> response) mutable {
        // From here on the lease closes the session.
        SessionLease lease(this, session);
        absl::Status status = response.status();
        {
          absl::MutexLock lock(&mu_);
          --openings_;
          if (status.ok() && response->results_size() != 1) {
            status = absl::InternalError("the broker's answer is not for one session");
          }
          if (status.ok()) status = wire::FromRpcStatus(response->results(0).error());
          // Else a newer stream has asked for all of them, or will.
          if (status.ok() && opening.epoch == epoch_ && !changes_.contains(session->id) &&
              sessions_.Find(session->id) == session &&
              response->results(0).session().scope() != *session->scope) {
            ChangeScope(session, response->results(0).session().scope());
          }
          ForgetChanges();
          Flush();
        }
        if (status.ok()) {
          opening.done(std::move(lease));
        } else {
          opening.done(std::move(status));
        }
      });
}

void Hub::CloseSession(const UserSessionPtr& session) {
  {
    absl::MutexLock lock(&mu_);
    if (sessions_.Find(session->id) != session) return;
    sessions_.Remove(session);
    QueueClosing(session->id);
  }
  SendClosing();
}

void Hub::QueueClosing(const std::string& id) {
  if (closing_.size() >= options_.closing_max) closing_.pop_front();
  closing_.push_back(id);
}

void Hub::SendClosing() {
  v1::CloseSessionsRequest request;
  {
    absl::MutexLock lock(&mu_);
    if (closing_under_way_ || closing_.empty() || state_ != State::kUp) return;
    closing_under_way_ = true;
    while (!closing_.empty() &&
           request.session_ids_size() < static_cast<int>(kSessionsPerRequest)) {
      request.add_session_ids(std::move(closing_.front()));
      closing_.pop_front();
    }
  }
  calls_.CloseSessions(request, {options_.call_timeout, false},
                       [this, request](absl::StatusOr<v1::CloseSessionsResponse> response) mutable {
                         {
                           absl::MutexLock lock(&mu_);
                           closing_under_way_ = false;
                           if (!response.ok() && !stream_stopped_) {
                             for (std::string& id : *request.mutable_session_ids()) {
                               if (closing_.size() < options_.closing_max)
                                 closing_.push_front(std::move(id));
                             }
                           }
                         }
                         if (response.ok()) return SendClosing();
                         fan_outs_.front()->thread().PostAfter(kRetry, [this] { SendClosing(); });
                       });
}

void Hub::ChangeScope(const UserSessionPtr& session, absl::string_view scope) {
  sessions_.SetScope(session, scope);
  fan_outs_[session->thread]->thread().Post([session, changed = session->scope] {
    session->thread_side.scope = changed;
    if (session->thread_side.sink != nullptr) session->thread_side.sink->OnScopeChanged(changed);
  });
}

void Hub::EndSession(const UserSessionPtr& session, const absl::Status& why) {
  sessions_.Remove(session);
  // Evicted, it may have been resumed since; not allowed, it is in force still.
  if (absl::IsResourceExhausted(why) || absl::IsPermissionDenied(why)) {
    QueueClosing(session->id);
    fan_outs_.front()->thread().Post([this] { SendClosing(); });
  }
  fan_outs_[session->thread]->thread().Post([session, why] {
    session->thread_side.end = why;
    if (session->thread_side.sink != nullptr) session->thread_side.sink->OnSessionEnded(why);
  });
}

void Hub::OnSessionChange(const v1::SessionChange& change) {
  const absl::Status end = wire::FromRpcStatus(change.error());
  absl::MutexLock lock(&mu_);
  // One that its owner has closed is being opened by nobody.
  if ((openings_ > 0 || state_ == State::kResuming) && !HasReason(end, "SESSION_CLOSED")) {
    changes_[change.session_id()] = change;
  }
  const UserSessionPtr session = sessions_.Find(change.session_id());
  if (session == nullptr) return;
  if (!end.ok()) {
    EndSession(session, end);
  } else {
    ChangeScope(session, change.scope());
  }
  Flush();
}

void Hub::ForgetChanges() {
  if (openings_ == 0 && state_ != State::kResuming) changes_.clear();
}

void Hub::ResumeNext(std::shared_ptr<Resuming> resuming) {
  if (resuming->next == resuming->sessions.size()) return FinishResuming(*resuming);
  v1::ResumeSessionsRequest request;
  const size_t end = std::min(resuming->next + kSessionsPerRequest, resuming->sessions.size());
  for (size_t i = resuming->next; i < end; ++i) {
    request.add_session_ids(resuming->sessions[i]->id);
  }
  const size_t count = end - resuming->next;
  calls_.ResumeSessions(
      std::move(request), {options_.call_timeout, false},
      [this, resuming, count](absl::StatusOr<v1::ResumeSessionsResponse> response) {
        OnResumed(resuming, count, std::move(response));
      });
}

void Hub::OnResumed(std::shared_ptr<Resuming> resuming, size_t count,
                    absl::StatusOr<v1::ResumeSessionsResponse> response) {
  if (response.ok() && response->results_size() != static_cast<int>(count)) {
    response = absl::InternalError("the broker's answer is not for all sessions");
  }
  {
    absl::MutexLock lock(&mu_);
    if (epoch_ != resuming->epoch || stream_stopped_) return;
    for (size_t i = 0; response.ok() && i < count; ++i) {
      const UserSessionPtr& session = resuming->sessions[resuming->next + i];
      // What the stream itself has said is newer.
      if (sessions_.Find(session->id) != session || changes_.contains(session->id)) continue;
      const v1::ResumeSessionResult& result = response->results(static_cast<int>(i));
      session->scope_is_stale = false;
      if (!result.has_session()) {
        EndSession(session, wire::FromRpcStatus(result.error()));
      } else if (result.session().scope() != *session->scope) {
        ChangeScope(session, result.session().scope());
      }
    }
  }
  if (response.ok()) {
    resuming->next += count;
    return ResumeNext(std::move(resuming));
  }
  Log(Level::kWarn, "the broker does not resume sessions",
      {{"reason", response.status().message()}});
  fan_outs_.front()->thread().PostAfter(kRetry, [this, resuming] { ResumeNext(resuming); });
}

void Hub::FinishResuming(const Resuming& resuming) {
  std::vector<v1::Subscription> subscriptions;
  {
    absl::MutexLock lock(&mu_);
    if (epoch_ != resuming.epoch || stream_stopped_) return;
    state_ = State::kUp;
    replays_.SetOpen(true);
    ForgetChanges();
    const size_t all = std::numeric_limits<size_t>::max();
    subscriptions = TakeSubscriptions(all, all);
  }
  resuming.done(std::move(subscriptions));
  {
    absl::MutexLock lock(&mu_);
    Flush();
  }
  SendClosing();
}

}  // namespace carillon::facade
