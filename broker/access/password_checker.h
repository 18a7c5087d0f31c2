// Checks passwords without letting the work of it take the machine: few at a time, each once.
#ifndef CARILLON_BROKER_ACCESS_PASSWORD_CHECKER_H_
#define CARILLON_BROKER_ACCESS_PASSWORD_CHECKER_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_map.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/access/password_hash.h"
#include "broker/access/recent_map.h"
#include "deploy/program/worker_pool.h"

namespace carillon::access {

struct PasswordCheckerOptions {
  // Hashes at a time.
  int checks_max = 1;
  // Hashes that may wait for their turn, in the order in which they were asked for. One user's name
  // takes at most a quarter of these places (at least one), so that guessing at one account leaves
  // room for the others.
  int waiting_max = 64;
  // Callers that may wait for one hash of the same user and password.
  size_t callers_per_check_max = 10'000;
  // How long a good password is remembered, and how many of them.
  absl::Duration memory = absl::Minutes(5);
  size_t remembered_max = 10'000;
  ScryptCost cost;
  std::function<absl::Time()> clock = absl::Now;
};

// Any thread. Its limits are its promise: with the defaults nobody whose check was taken waits
// longer than 65 hashes (about 26 s).
class PasswordChecker {
 public:
  explicit PasswordChecker(PasswordCheckerOptions options);
  // As Stop.
  ~PasswordChecker();

  // Tells `done` whether `password` is the one of the user whose hash `phc` is; an empty `phc` (no
  // such user, or one without a password) is the same work and never true. Calls `done` once: at
  // once if the password is remembered or the check cannot be taken, else from another thread,
  // which it must not hold up.
  // RESOURCE_EXHAUSTED (reason PASSWORD_CHECKS_BUSY, with RetryInfo), UNAVAILABLE after Stop.
  using Done = std::function<void(absl::StatusOr<bool>)>;
  void Check(absl::string_view user, absl::string_view password, absl::string_view phc, Done done)
      ABSL_LOCKS_EXCLUDED(mu_);

  // The hash to keep for a new password. Waits its turn with the checks, in a place that these do
  // not take. Errors as above.
  absl::StatusOr<std::string> Hash(absl::string_view password);

  // Answers all that wait with UNAVAILABLE, without hashing, and refuses what comes.
  void Stop() { stopping_ = true; }

  // Hashes computed so far.
  int64_t hash_count() const { return hash_count_; }
  // Hashes that wait for their turn.
  size_t waiting() const { return pool_.waiting(); }

 private:
  // One hash, and those who wait for it.
  struct Pending {
    std::string user, password, phc;
    std::vector<Done> callers;
  };
  using PendingPtr = std::shared_ptr<Pending>;

  std::string MemoryKey(absl::string_view user, absl::string_view password,
                        absl::string_view phc) const;
  // Joins a waiting hash or makes a new one. Leaves `done` alone if it cannot be taken.
  bool Enqueue(const std::string& key, absl::string_view user, absl::string_view password,
               absl::string_view phc, Done* done) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mu_);
  void Run(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Done> TakeCallers(const std::string& key) ABSL_LOCKS_EXCLUDED(mu_);

  const PasswordCheckerOptions options_;
  // What remembered passwords are kept under; dies with the process.
  const std::string memory_secret_;
  const std::string unmatchable_;
  RecentMap<bool> remembered_;
  std::atomic<int64_t> hash_count_{0};
  std::atomic<bool> stopping_{false};

  absl::Mutex mu_;
  absl::flat_hash_map<std::string, PendingPtr> pending_ ABSL_GUARDED_BY(mu_);
  absl::flat_hash_map<std::string, int> pending_of_user_ ABSL_GUARDED_BY(mu_);

  // Last: its threads use all of the above.
  program::WorkerPool pool_;
};

}  // namespace carillon::access

#endif  // CARILLON_BROKER_ACCESS_PASSWORD_CHECKER_H_
