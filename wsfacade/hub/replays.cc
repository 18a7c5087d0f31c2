#include "wsfacade/hub/replays.h"

#include <utility>
#include <vector>

namespace carillon::facade {

// Kept by its ticket, by its place in the line and by the replay itself.
class ReplayTicket::Turn final : public client::ReplayHandler,
                                 public std::enable_shared_from_this<Turn> {
 public:
  Turn(Replays* replays, IoThread* thread, ReplaySink* sink, uint64_t number)
      : replays_(replays), thread_(thread), sink_(sink), number_(number) {}

  // The ticket's.
  void Start(client::ReplayOptions options);
  void Next();
  void GiveUp();

  // The line's, under its lock.
  void Grant();
  // What is to be destroyed without the lock.
  std::shared_ptr<client::Replay> TakeReplay() { return std::move(replay_); }

 private:
  enum class State { kWaiting, kGranted, kRunning, kOver };

  void OnEvents(absl::Span<const client::ReceivedEvent> events) override;
  void OnDone(const absl::Status& status) override;
  void PostEnd(const absl::Status& status);

  Replays* const replays_;
  IoThread* const thread_;
  // The thread's own. Null: the ticket is gone.
  ReplaySink* sink_;
  const uint64_t number_;
  // Under the line's lock.
  State state_ = State::kWaiting;
  std::shared_ptr<client::Replay> replay_;
};

void ReplayTicket::Turn::Grant() {
  state_ = State::kGranted;
  thread_->Post([self = shared_from_this()] {
    if (self->sink_ != nullptr) self->sink_->OnReplayGranted();
  });
}

void ReplayTicket::Turn::Start(client::ReplayOptions options) {
  std::shared_ptr<client::Replay> replay;
  {
    absl::MutexLock lock(&replays_->mu_);
    if (replays_->stopped_) return PostEnd(absl::CancelledError("the server is ending"));
    state_ = State::kRunning;
    replays_->running_.insert(shared_from_this());
    replay = std::make_shared<client::Replay>(replays_->connection_, std::move(options),
                                              shared_from_this());
    replay_ = replay;
  }
  replays_->started_.fetch_add(1, std::memory_order_relaxed);
  // Without the lock, since it may fail at once.
  replay->Start();
}

void ReplayTicket::Turn::Next() {
  std::shared_ptr<client::Replay> replay;
  {
    absl::MutexLock lock(&replays_->mu_);
    replay = replay_;
  }
  if (replay != nullptr) replay->Next();
}

void ReplayTicket::Turn::GiveUp() {
  sink_ = nullptr;
  std::shared_ptr<client::Replay> replay;
  absl::MutexLock lock(&replays_->mu_);
  if (state_ == State::kWaiting) {
    replays_->waiting_.erase(number_);
    state_ = State::kOver;
  } else if (state_ == State::kGranted) {
    --replays_->granted_;
    state_ = State::kOver;
    replays_->GrantLocked();
  } else {
    replay = TakeReplay();
  }
}

void ReplayTicket::Turn::OnEvents(absl::Span<const client::ReceivedEvent> events) {
  thread_->Post([self = shared_from_this(), frames = BuildEventFrames(events)] {
    if (self->sink_ != nullptr) self->sink_->OnReplayed(frames);
  });
}

void ReplayTicket::Turn::OnDone(const absl::Status& status) {
  PostEnd(status);
  std::shared_ptr<client::Replay> replay;
  {
    absl::MutexLock lock(&replays_->mu_);
    replay = TakeReplay();
  }
  replay = nullptr;
  absl::MutexLock lock(&replays_->mu_);
  state_ = State::kOver;
  --replays_->granted_;
  replays_->GrantLocked();
  // Last: from here on Replays may be gone, and with it the connection.
  replays_->running_.erase(shared_from_this());
}

void ReplayTicket::Turn::PostEnd(const absl::Status& status) {
  thread_->Post([self = shared_from_this(), status] {
    if (self->sink_ != nullptr) self->sink_->OnReplayEnded(status);
  });
}

ReplayTicket::ReplayTicket(std::shared_ptr<Turn> turn) : turn_(std::move(turn)) {}

ReplayTicket::~ReplayTicket() { GiveUp(); }

ReplayTicket& ReplayTicket::operator=(ReplayTicket&& other) noexcept {
  if (this == &other) return *this;
  GiveUp();
  turn_ = std::move(other.turn_);
  return *this;
}

void ReplayTicket::GiveUp() {
  if (std::shared_ptr<Turn> turn = std::move(turn_)) turn->GiveUp();
}

void ReplayTicket::Start(client::ReplayOptions options) { turn_->Start(std::move(options)); }

void ReplayTicket::Next() { turn_->Next(); }

Replays::Replays(std::shared_ptr<client::Connection> connection, int replays_max)
    : connection_(std::move(connection)), replays_max_(replays_max) {}

Replays::~Replays() { Stop(); }

void Replays::SetOpen(bool open) {
  absl::MutexLock lock(&mu_);
  open_ = open;
  GrantLocked();
}

void Replays::Stop() {
  std::vector<std::shared_ptr<client::Replay>> cancelled;
  {
    absl::MutexLock lock(&mu_);
    stopped_ = true;
    for (const std::shared_ptr<Turn>& turn : running_) cancelled.push_back(turn->TakeReplay());
  }
  cancelled.clear();
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](absl::flat_hash_set<std::shared_ptr<Turn>>* running) { return running->empty(); },
      &running_));
}

ReplayTicket Replays::Request(IoThread* thread, ReplaySink* sink) {
  absl::MutexLock lock(&mu_);
  const uint64_t number = next_number_++;
  auto turn = std::make_shared<Turn>(this, thread, sink, number);
  waiting_.emplace(number, turn);
  GrantLocked();
  return ReplayTicket(std::move(turn));
}

bool Replays::is_crowded() const {
  absl::MutexLock lock(&mu_);
  return !waiting_.empty();
}

void Replays::GrantLocked() {
  while (open_ && !stopped_ && granted_ < replays_max_ && !waiting_.empty()) {
    ++granted_;
    waiting_.begin()->second->Grant();
    waiting_.erase(waiting_.begin());
  }
}

}  // namespace carillon::facade
