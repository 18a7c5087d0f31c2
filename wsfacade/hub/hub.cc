#include "wsfacade/hub/hub.h"

#include <utility>

#include "carillon/wire/error.h"
#include "deploy/program/logging.h"

namespace carillon::facade {
namespace {

using program::Level;
using program::Log;

// Of one request: the API's limit for Add and Remove.
constexpr size_t kSubscriptionsPerRequest = 10'000;
// Filters of one Add, so that the next does not wait long.
constexpr size_t kFilterBytesPerRequest = 1 << 20;

}  // namespace

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
    mu_.AwaitWithTimeout(absl::Condition(
                             +[](Hub* hub) ABSL_SHARED_LOCKS_REQUIRED(hub->mu_) {
                               return !hub->closing_under_way_ &&
                                      (hub->closing_.empty() || hub->state_ != State::kUp);
                             },
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
    // What openings are still under way for is confirmed anew.
    changes_.clear();
  }
  Log(Level::kInfo, "connected to the broker", {{"sessions", resuming->sessions.size()}});
  ResumeNext(std::move(resuming));
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
    table.LoseAll("events were lost; connect and register again");
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
    if (subscription != nullptr) OnSubscriptionClosed(subscription, why);
    named_.erase(id);
  }
  Flush();
}

bool Hub::HasReason(const absl::Status& status, absl::string_view reason) {
  const auto info = wire::ErrorInfoOf(status);
  return info.has_value() && info->reason() == reason;
}

absl::Status Hub::EndOf(const absl::Status& why) {
  if (!HasReason(why, "SESSION_UNKNOWN")) return why;
  return absl::ResourceExhaustedError("evicted");
}

void Hub::OnSubscriptionClosed(UpstreamSubscription* subscription, const absl::Status& why) {
  const uint64_t serial = subscription->serial;
  if (auto found = named_.find(subscription->id); found != named_.end()) {
    const UserSessionPtr session = found->second;
    if (absl::IsUnauthenticated(why) || absl::IsPermissionDenied(why)) {
      // The latter: this facade may not hold the session any more.
      if (sessions_.Find(session->id) == session) EndSession(session, EndOf(why));
    } else if (absl::IsAborted(why) && session->scope == subscription->scope) {
      session->scope_is_stale = true;
    }
  }
  if (absl::IsUnauthenticated(why) || absl::IsPermissionDenied(why) || absl::IsAborted(why)) {
    // Another session may name it. Until then its users read from the log.
    PostTo(std::exchange(subscription->told, 0),
           [serial](RegistrationTable& table) { table.Interrupt(serial); });
    upstream_.Requeue(subscription);
  } else {
    PostTo(subscription->users,
           [serial, why](RegistrationTable& table) { table.Refuse(serial, why); });
    upstream_.Refuse(subscription);
  }
}

}  // namespace carillon::facade
