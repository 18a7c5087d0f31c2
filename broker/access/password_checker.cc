#include "broker/access/password_checker.h"

#include <algorithm>
#include <utility>

#include "absl/synchronization/notification.h"
#include "broker/access/crypto.h"
#include "carillon/wire/error.h"

namespace carillon::access {
namespace {

using Verdict = program::WorkerPool::Verdict;

// New passwords that may wait beside the checks, so that logins, which anybody may try, keep no
// administrator from changing one. More than two are not asked for at a time.
constexpr size_t kHashesWaitingMax = 2;

absl::Status Busy() {
  return wire::WithRetry(
      wire::Error(absl::StatusCode::kResourceExhausted, "PASSWORD_CHECKS_BUSY",
                  "too many passwords are being checked; try again in a few seconds, or use a "
                  "token, which needs no such check"),
      absl::Seconds(5));
}

absl::Status Stopping() {
  return wire::WithRetry(wire::Error(absl::StatusCode::kUnavailable, "SHUTTING_DOWN",
                                     "the broker is shutting down; try again on a new connection"),
                         absl::Seconds(1));
}

}  // namespace

PasswordChecker::PasswordChecker(PasswordCheckerOptions options)
    : options_(std::move(options)),
      memory_secret_(RandomBytes(32)),
      unmatchable_(UnmatchableHash(options_.cost)),
      remembered_(options_.remembered_max / 2),
      pool_("passwords", options_.checks_max,
            static_cast<size_t>(options_.waiting_max) + kHashesWaitingMax) {}

PasswordChecker::~PasswordChecker() {
  Stop();
  pool_.Stop();
}

std::string PasswordChecker::MemoryKey(absl::string_view user, absl::string_view password,
                                       absl::string_view phc) const {
  // The stored hash is part of the key: a new password makes all that was remembered void.
  std::string text;
  for (const absl::string_view part : {user, password, phc}) AppendPart(part, &text);
  return HmacSha256(memory_secret_, text);
}

void PasswordChecker::Check(absl::string_view user, absl::string_view password,
                            absl::string_view phc, Done done) {
  if (stopping_) return done(Stopping());
  const std::string key = MemoryKey(user, password, phc);
  if (remembered_.Get(key, options_.clock()).has_value()) return done(true);
  {
    absl::MutexLock lock(&mu_);
    if (Enqueue(key, user, password, phc, &done)) return;
  }
  done(Busy());
}

bool PasswordChecker::Enqueue(const std::string& key, absl::string_view user,
                              absl::string_view password, absl::string_view phc, Done* done) {
  if (const auto found = pending_.find(key); found != pending_.end()) {
    std::vector<Done>& callers = found->second->callers;
    if (callers.size() >= options_.callers_per_check_max) return false;
    callers.push_back(std::move(*done));
    return true;
  }
  const int pending_of_user_max = options_.checks_max + std::max(1, options_.waiting_max / 4);
  const auto of_user = pending_of_user_.find(user);
  if (of_user != pending_of_user_.end() && of_user->second >= pending_of_user_max) return false;
  if (pool_.TrySubmit([this, key] { Run(key); }, kHashesWaitingMax) != Verdict::kAccepted) {
    return false;
  }
  const auto pending = std::make_shared<Pending>();
  *pending = {std::string(user), std::string(password), std::string(phc), {}};
  pending->callers.push_back(std::move(*done));
  pending_.emplace(key, pending);
  ++pending_of_user_[user];
  return true;
}

void PasswordChecker::Run(const std::string& key) {
  PendingPtr pending;
  {
    absl::MutexLock lock(&mu_);
    pending = pending_.at(key);
  }
  absl::StatusOr<bool> answer = Stopping();
  if (!stopping_) {
    ++hash_count_;
    const bool matches =
        VerifyPassword(pending->password, pending->phc.empty() ? unmatchable_ : pending->phc);
    answer = matches && !pending->phc.empty();
  }
  if (answer.ok() && *answer) remembered_.Put(key, true, options_.clock() + options_.memory);
  for (const Done& done : TakeCallers(key)) done(answer);
}

std::vector<PasswordChecker::Done> PasswordChecker::TakeCallers(const std::string& key) {
  absl::MutexLock lock(&mu_);
  const auto found = pending_.find(key);
  const PendingPtr pending = std::move(found->second);
  pending_.erase(found);
  const auto of_user = pending_of_user_.find(pending->user);
  if (--of_user->second == 0) pending_of_user_.erase(of_user);
  return std::move(pending->callers);
}

absl::StatusOr<std::string> PasswordChecker::Hash(absl::string_view password) {
  absl::StatusOr<std::string> hash = Stopping();
  absl::Notification done;
  const Verdict verdict = pool_.TrySubmit([&] {
    if (!stopping_) {
      ++hash_count_;
      hash = HashPassword(password, options_.cost);
    }
    done.Notify();
  });
  if (verdict != Verdict::kAccepted) return Busy();
  done.WaitForNotification();
  return hash;
}

}  // namespace carillon::access
