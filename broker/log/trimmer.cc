#include "broker/log/trimmer.h"

#include <utility>

namespace carillon::log {

Trimmer::Trimmer(EventLog* log, TrimmerOptions options, OnFailed on_failed)
    : log_(log),
      options_(std::move(options)),
      on_failed_(std::move(on_failed)),
      thread_([this] { Run(); }) {}

Trimmer::~Trimmer() {
  {
    absl::MutexLock lock(&mu_);
    ended_ = true;
  }
  thread_.join();
}

void Trimmer::Wake() {
  absl::MutexLock lock(&mu_);
  woken_ = true;
}

void Trimmer::Run() {
  while (AwaitTime()) {
    while (Step() && !ended()) {
    }
  }
}

bool Trimmer::AwaitTime() {
  absl::MutexLock lock(&mu_);
  mu_.AwaitWithTimeout(absl::Condition(this, &Trimmer::MustActLocked), options_.interval);
  woken_ = false;
  return !ended_;
}

bool Trimmer::ended() const {
  absl::MutexLock lock(&mu_);
  return ended_;
}

bool Trimmer::Step() {
  const absl::StatusOr<bool> more = log_->TrimStep(options_.retention, options_.clock());
  if (!more.ok()) on_failed_(more.status());
  return more.ok() && *more;
}

}  // namespace carillon::log
