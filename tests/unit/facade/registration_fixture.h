// Registrants and a source of subscriptions for tests of RegistrationTable.
#ifndef CARILLON_TESTS_UNIT_FACADE_REGISTRATION_FIXTURE_H_
#define CARILLON_TESTS_UNIT_FACADE_REGISTRATION_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "wsfacade/hub/registration_table.h"

namespace carillon::facade {

// Notes what it hears.
class FakeRegistrant : public Registrant {
 public:
  void OnLive() override { ++live_count; }
  bool OnEvent(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) override {
    events.push_back(frames->bytes().substr(begin, end - begin));
    return takes;
  }
  void OnRefused(LocalSubscription* subscription, const absl::Status&) override {
    refused.push_back(subscription);
  }
  void OnInterrupted() override { ++interrupted_count; }
  void OnLost(absl::string_view) override { ++lost_count; }

  bool takes = true;
  int live_count = 0;
  int interrupted_count = 0;
  int lost_count = 0;
  std::vector<std::string> events;
  std::vector<LocalSubscription*> refused;
};

// Hands out subscriptions of an UpstreamTable, as the hub does.
class FakeSource : public UpstreamSource {
 public:
  UpstreamSubscription* Acquire(const ScopePtr& scope, absl::string_view filter) override {
    return table.Acquire(scope, filter, 0);
  }
  void Release(UpstreamSubscription* subscription) override { table.Release(subscription, 0); }

  UpstreamTable table;
};

inline SharedBytesPtr FrameOf(std::string text) {
  return SharedBytesPtr(new SharedBytes(std::move(text)));
}

}  // namespace carillon::facade

#endif  // CARILLON_TESTS_UNIT_FACADE_REGISTRATION_FIXTURE_H_
