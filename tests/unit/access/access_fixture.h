// An AccessControl on accounts in memory, with a clock that stands still and cheap password hashes.
#ifndef CARILLON_TESTS_UNIT_ACCESS_ACCESS_FIXTURE_H_
#define CARILLON_TESTS_UNIT_ACCESS_ACCESS_FIXTURE_H_

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "broker/access/access_control.h"
#include "carillon/wire/error.h"

namespace carillon::access {

// Keeps accounts as long as it lives.
class MemoryAccountStore final : public AccountStore {
 public:
  absl::StatusOr<Accounts> Load() const override;
  absl::Status Apply(absl::Span<const AccountChange> changes) override;
  absl::StatusOr<std::string> ServerSecret() override { return std::string(32, 's'); }

  // From now on Apply fails with `error`; OK: no more.
  void FailWith(absl::Status error);

 private:
  mutable absl::Mutex mu_;
  Accounts accounts_ ABSL_GUARDED_BY(mu_);
  absl::Status error_ ABSL_GUARDED_BY(mu_);
};

class TestClock {
 public:
  absl::Time Now() const { return start_ + absl::Nanoseconds(elapsed_ns_.load()); }
  void Advance(absl::Duration by) { elapsed_ns_ += absl::ToInt64Nanoseconds(by); }

 private:
  const absl::Time start_ = absl::FromUnixSeconds(1'700'000'000);
  std::atomic<int64_t> elapsed_ns_{0};
};

// Remembers what it was told.
class RecordingListener final : public SessionListener {
 public:
  void OnSessionsChanged(const std::vector<SessionPtr>& sessions) override;
  // Since the last call.
  std::vector<SessionPtr> Take();

 private:
  absl::Mutex mu_;
  std::vector<SessionPtr> changed_ ABSL_GUARDED_BY(mu_);
};

// The ErrorInfo reason; "" if there is none.
std::string ReasonOf(const absl::Status& status);

v1::Claim MakeClaim(absl::string_view scope, absl::string_view action, absl::string_view specific);
std::string Basic(absl::string_view user, absl::string_view password);
std::string Bearer(absl::string_view token);

class AccessFixture : public ::testing::Test {
 protected:
  AccessFixture();

  // As if the broker had been restarted.
  void Restart();

  absl::StatusOr<Identity> Authenticate(const std::string& header);
  Identity Root();
  // A user with the password "password-of-NAME" and a role of their own with these claims.
  Identity MakeUser(const std::string& name, const std::vector<v1::Claim>& claims);
  void PutRole(const std::string& name, const std::vector<v1::Claim>& claims);
  std::string Token(const Identity& caller, const v1::GrantTokenRequest& request);
  std::string TokenOf(const std::string& user);

  AccountAdmin& admin() { return access_->admin(); }

  MemoryAccountStore store_;
  TestClock clock_;
  AccessOptions options_;
  RecordingListener listener_;
  std::unique_ptr<AccessControl> access_;
};

}  // namespace carillon::access

#endif  // CARILLON_TESTS_UNIT_ACCESS_ACCESS_FIXTURE_H_
