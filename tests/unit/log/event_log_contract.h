// What every home of the event log must do. A home joins with
//   INSTANTIATE_TEST_SUITE_P(Lmdb, EventLogContract, testing::Values(&MakeLmdbHome));
// in a program that has event_log_contract.cc among its sources.
#ifndef CARILLON_TESTS_UNIT_LOG_EVENT_LOG_CONTRACT_H_
#define CARILLON_TESTS_UNIT_LOG_EVENT_LOG_CONTRACT_H_

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "absl/time/time.h"
#include "broker/log/event_log.h"
#include "tests/unit/log/test_events.h"

namespace carillon::log {

// Somewhere to keep one log, empty at first.
class EventLogHome {
 public:
  virtual ~EventLogHome() = default;
  virtual EventLog* log() = 0;
  // Closes the log and opens it again: log() is another object, with what was appended.
  virtual void Reopen() = 0;
};

using MakeEventLogHome = std::unique_ptr<EventLogHome> (*)();

class EventLogContract : public testing::TestWithParam<MakeEventLogHome> {
 protected:
  EventLogContract() : home_(GetParam()()) {}

  EventLog& log() { return *home_->log(); }

  // Appends and expects success.
  std::vector<AppendOutcome> Append(const TestEvents& events);
  // One event for each key.
  void AppendKeys(const std::vector<std::string>& keys);
  // `count` events "0", "1", …, `per_commit` at a time.
  void AppendMany(int count, int per_commit, absl::string_view object = "{}");
  // The keys of all events after `after`, read until there are no more.
  std::vector<std::string> ReadKeys(uint64_t after, size_t bytes_hint = 1 << 20);
  // Steps until there is no more to trim.
  void Trim(const Retention& retention);

  std::unique_ptr<EventLogHome> home_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);
  std::vector<EventBlockPtr> committed_;
};

}  // namespace carillon::log

#endif  // CARILLON_TESTS_UNIT_LOG_EVENT_LOG_CONTRACT_H_
