#include "wsfacade/hub/hub.h"

#include <algorithm>
#include <limits>
#include <utility>

#include "absl/strings/str_cat.h"
#include "carillon/wire/error.h"
#include "deploy/program/logging.h"

namespace carillon::facade {
namespace {

using program::Level;
using program::Log;

// Of one request: the API's limits for Add, Remove, ResumeSessions and CloseSessions.
constexpr size_t kSubscriptionsPerRequest = 10'000;
constexpr size_t kSessionsPerRequest = 1'000;
// Filters of one Add, so that the next does not wait long.
constexpr size_t kFilterBytesPerRequest = 1 << 20;
constexpr absl::Duration kResumeRetry = absl::Seconds(1);

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

Hub::Hub(std::shared_ptr<client::Connection> connection, const HubOptions& options,
         absl::Span<IoThread* const> threads)
    : options_(options),
      replays_(connection, options.replays_max),
      subscriber_(std::make_unique<client::Subscriber>(connection, client::SubscriberOptions(),
                                                       static_cast<SubscriberHandler*>(this))),
      calls_(std::move(connection)) {
  for (IoThread* thread : threads) fan_outs_.push_back(std::make_unique<FanOut>(this, thread));
}

Hub::~Hub() = default;

void Hub::Start() { subscriber_->Start(); }

void Hub::StopStream() {
  {
    absl::MutexLock lock(&mu_);
    stream_stopped_ = true;
  }
  // Waits for the handler, which may want the lock.
  subscriber_.reset();
  replays_.Stop();
}

void Hub::Finish(absl::Duration limit) {
  SendClosing();
  {
    absl::MutexLock lock(&mu_);
    mu_.AwaitWithTimeout(
        absl::Condition(
            +[](Hub* hub) ABSL_SHARED_LOCKS_REQUIRED(hub->mu_) { return !hub->closing_under_way_; },
            this),
        limit);
  }
  calls_.Stop();
}

bool Hub::connected() const {
  absl::MutexLock lock(&mu_);
  return state_ != State::kDown;
}

size_t Hub::session_count() const {
  absl::MutexLock lock(&mu_);
  return sessions_.size();
}

size_t Hub::upstream_count() const {
  absl::MutexLock lock(&mu_);
  return upstream_.size();
}

BrokerCalls::Patience Hub::patience() const {
  if (connected()) return {options_.call_timeout, false};
  return {options_.connect_wait, true};
}

// Sessions.

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
      confirm = status.ok() && opening.epoch != epoch_;
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
  calls_.ResumeSessions(std::move(request), patience(),
                        [this, session, opening = std::move(opening)](
                            absl::StatusOr<v1::ResumeSessionsResponse> response) mutable {
                          // From here on the lease closes the session.
                          SessionLease lease(this, session);
                          absl::Status status = response.status();
                          {
                            absl::MutexLock lock(&mu_);
                            --openings_;
                            if (status.ok() && response->results_size() != 1) {
                              status =
                                  absl::InternalError("the broker's answer is not for one session");
                            }
                            if (status.ok())
                              status = wire::FromRpcStatus(response->results(0).error());
                            if (status.ok() && !changes_.contains(session->id) &&
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
    if (closing_.size() >= options_.closing_max) closing_.pop_front();
    closing_.push_back(session->id);
  }
  SendClosing();
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
                           if (!response.ok()) {
                             for (std::string& id : *request.mutable_session_ids()) {
                               if (closing_.size() < options_.closing_max)
                                 closing_.push_front(std::move(id));
                             }
                           }
                         }
                         if (response.ok()) SendClosing();
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
  fan_outs_[session->thread]->thread().Post([session, why] {
    session->thread_side.end = why;
    if (session->thread_side.sink != nullptr) session->thread_side.sink->OnSessionEnded(why);
  });
}

void Hub::OnSessionChange(const v1::SessionChange& change) {
  absl::MutexLock lock(&mu_);
  if (openings_ > 0 || state_ == State::kResuming) changes_[change.session_id()] = change;
  const UserSessionPtr session = sessions_.Find(change.session_id());
  if (session == nullptr) return;
  if (absl::Status end = wire::FromRpcStatus(change.error()); !end.ok()) {
    EndSession(session, end);
  } else {
    ChangeScope(session, change.scope());
  }
  Flush();
}

void Hub::ForgetChanges() {
  if (openings_ == 0 && state_ != State::kResuming) changes_.clear();
}

// The stream.

void Hub::OnConnected(Done done) {
  auto resuming = std::make_shared<Resuming>();
  {
    absl::MutexLock lock(&mu_);
    state_ = State::kResuming;
    replays_.SetOpen(false);
    resuming->epoch = ++epoch_;
    resuming->sessions = sessions_.all();
    resuming->done = std::move(done);
    upstream_.Restart();
    named_.clear();
  }
  Log(Level::kInfo, "connected to the broker", {{"sessions", resuming->sessions.size()}});
  ResumeNext(std::move(resuming));
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
  fan_outs_.front()->thread().PostAfter(kResumeRetry, [this, resuming] { ResumeNext(resuming); });
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

void Hub::OnDisconnected(const absl::Status& status) {
  static program::LimitedLog log_lost(1);
  log_lost.Log(Level::kWarn, "no connection to the broker", {{"reason", status.message()}});
  absl::MutexLock lock(&mu_);
  state_ = State::kDown;
  replays_.SetOpen(false);
  ForgetChanges();
}

void Hub::OnEvents(absl::Span<const client::ReceivedEvent> events) {
  events_received_.fetch_add(static_cast<int64_t>(events.size()), std::memory_order_relaxed);
  const std::shared_ptr<const EventFrames> frames = BuildEventFrames(events);
  for (const std::unique_ptr<FanOut>& fan_out : fan_outs_) {
    fan_out->thread().PostBytes([to = fan_out.get(), frames] { to->Deliver(*frames); },
                                frames->bytes->bytes().size(), options_.fan_out_bytes_max);
  }
}

void Hub::OnProgress(const v1::Progress& progress) {
  for (const std::unique_ptr<FanOut>& fan_out : fan_outs_) {
    fan_out->thread().Post(
        [to = fan_out.get(), position = progress.position()] { to->SetReached(position); });
  }
}

void Hub::OnGap(const v1::Gap& gap) {
  Log(Level::kError, "events were lost between the broker and this facade",
      {{"event_count", gap.event_count()}});
  PostTo(~uint64_t{0}, [](RegistrationTable& table) {
    table.Lose(0, "events were lost; connect and register again");
  });
}

// Subscriptions.

template <typename Task>
void Hub::PostTo(uint64_t threads, Task task) {
  for (size_t i = 0; i < fan_outs_.size(); ++i) {
    if ((threads >> i & 1) == 0) continue;
    fan_outs_[i]->thread().Post([to = fan_outs_[i].get(), task] { task(to->table()); });
  }
}

UpstreamSubscription* Hub::Acquire(FanOut* user, const ScopePtr& scope, absl::string_view filter) {
  const int thread = user->thread().index();
  absl::MutexLock lock(&mu_);
  UpstreamSubscription* subscription = upstream_.Acquire(scope, filter, thread);
  const uint64_t bit = uint64_t{1} << thread;
  if (subscription->state == UpstreamSubscription::State::kLive &&
      (subscription->told & bit) == 0) {
    // Through the queue, behind what still comes for the one that had this id before.
    subscription->told |= bit;
    PostTo(bit,
           [serial = subscription->serial](RegistrationTable& table) { table.SetLive(serial); });
  }
  Flush();
  return subscription;
}

void Hub::Release(FanOut* user, UpstreamSubscription* subscription) {
  absl::MutexLock lock(&mu_);
  upstream_.Release(subscription, user->thread().index());
  Flush();
}

std::vector<v1::Subscription> Hub::TakeSubscriptions(size_t max, size_t bytes_max) {
  std::vector<v1::Subscription> requests;
  std::vector<UpstreamSubscription*> unnamed;
  for (UpstreamSubscription* subscription : upstream_.TakeAdds(max, bytes_max)) {
    const UserSessionPtr session = sessions_.AnyOf(subscription->scope);
    if (session == nullptr) {
      // Its users are about to hear that their session has another scope or has ended.
      unnamed.push_back(subscription);
      continue;
    }
    named_[subscription->id] = session;
    v1::Subscription& request = requests.emplace_back();
    request.set_subscription_id(subscription->id);
    request.mutable_filter()->ParseFromString(subscription->filter);
    request.set_session_id(session->id);
    request.set_scope(*subscription->scope);
  }
  for (UpstreamSubscription* subscription : unnamed) upstream_.Requeue(subscription);
  return requests;
}

void Hub::Flush() {
  if (state_ != State::kUp || stream_stopped_) return;
  // If the stream has just broken these are refused; the next one begins with all of them.
  std::vector<int64_t> removes = upstream_.TakeRemoves(kSubscriptionsPerRequest);
  if (!removes.empty()) subscriber_->Remove(std::move(removes)).IgnoreError();
  std::vector<v1::Subscription> adds =
      TakeSubscriptions(kSubscriptionsPerRequest, kFilterBytesPerRequest);
  if (!adds.empty()) subscriber_->Add(std::move(adds)).IgnoreError();
}

void Hub::OnAdded(const v1::SubscriptionsAdded& added) {
  absl::MutexLock lock(&mu_);
  std::vector<std::vector<uint64_t>> live(fan_outs_.size());
  for (int64_t id : added.subscription_ids()) {
    named_.erase(id);
    UpstreamSubscription* subscription = upstream_.OnAdded(id);
    if (subscription == nullptr) continue;
    const uint64_t untold = subscription->users & ~subscription->told;
    subscription->told |= untold;
    for (size_t i = 0; i < live.size(); ++i) {
      if ((untold >> i & 1) != 0) live[i].push_back(subscription->serial);
    }
  }
  for (size_t i = 0; i < live.size(); ++i) {
    if (live[i].empty()) continue;
    PostTo(uint64_t{1} << i, [serials = std::move(live[i])](RegistrationTable& table) {
      for (uint64_t serial : serials) table.SetLive(serial);
    });
  }
  Flush();
}

void Hub::OnRemoved(const v1::SubscriptionsRemoved& removed) {
  absl::MutexLock lock(&mu_);
  for (int64_t id : removed.subscription_ids()) upstream_.OnRemoved(id);
  Flush();
}

void Hub::OnClosed(const v1::SubscriptionsClosed& closed) {
  const absl::Status why = wire::FromRpcStatus(closed.error());
  absl::MutexLock lock(&mu_);
  for (int64_t id : closed.subscription_ids()) {
    UpstreamSubscription* subscription = upstream_.OnClosed(id);
    if (subscription != nullptr) LoseSubscription(subscription, why);
    named_.erase(id);
  }
  Flush();
}

void Hub::LoseSubscription(UpstreamSubscription* subscription, const absl::Status& why) {
  const uint64_t serial = subscription->serial;
  if (auto found = named_.find(subscription->id); found != named_.end()) {
    const UserSessionPtr session = found->second;
    if (absl::IsUnauthenticated(why)) {
      if (sessions_.Find(session->id) == session) EndSession(session, why);
    } else if (absl::IsAborted(why) && session->scope == subscription->scope) {
      session->scope_is_stale = true;
    }
  }
  if (subscription->told != 0) {
    PostTo(subscription->told,
           [serial, text = absl::StrCat("events may have been lost: ", why.message(),
                                        "; connect and register again")](RegistrationTable& table) {
             table.Lose(serial, text);
           });
    upstream_.Requeue(subscription);
  } else if (absl::IsUnauthenticated(why) || absl::IsAborted(why)) {
    // Another session may name it.
    upstream_.Requeue(subscription);
  } else {
    PostTo(subscription->users,
           [serial, why](RegistrationTable& table) { table.Refuse(serial, why); });
    upstream_.Refuse(subscription);
  }
}

}  // namespace carillon::facade
