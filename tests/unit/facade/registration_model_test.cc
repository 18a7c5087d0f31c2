// Random registrations, moves and events, beside a model that only keeps sets.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/facade/registration_fixture.h"

namespace carillon::facade {
namespace {

using Key = std::pair<int, std::string>;

constexpr int kRegistrants = 20;
constexpr int kFilters = 12;

class Model {
 public:
  explicit Model(uint32_t seed) : random_(seed) {
    for (int i = 0; i < 3; ++i) {
      scopes_.push_back(std::make_shared<const std::string>(std::to_string(i)));
    }
  }

  void Step() {
    const int who = Below(kRegistrants);
    const Key key(Below(3), "filter" + std::to_string(Below(kFilters)));
    switch (Below(10)) {
      case 0:
      case 1:
      case 2:
      case 3:
        return Register(who, key);
      case 4:
      case 5:
        return Deregister(who, key);
      case 6:
        return Confirm();
      case 7:
        if (Below(5) != 0) return;
        table_.DeregisterAll(&registrants_[who]);
        wanted_[who].clear();
        return;
      case 8:
        return ConfirmRemovals();
      default:
        return Event();
    }
  }

  void Check() {
    size_t count = 0;
    for (const std::set<Key>& keys : wanted_) count += keys.size();
    ASSERT_EQ(table_.registration_count(), count);
    std::set<Key> all;
    for (const std::set<Key>& keys : wanted_) all.insert(keys.begin(), keys.end());
    ASSERT_EQ(source_.table.size(), all.size());
  }

 private:
  int Below(int n) { return std::uniform_int_distribution<int>(0, n - 1)(random_); }

  void Register(int who, const Key& key) {
    const ScopePtr& scope = scopes_[key.first];
    LocalSubscription* found = table_.FindOf(registrants_[who], scope, key.second);
    ASSERT_EQ(found != nullptr, wanted_[who].contains(key));
    if (found != nullptr) return;
    table_.Register(&registrants_[who], scope, key.second);
    wanted_[who].insert(key);
  }

  void Deregister(int who, const Key& key) {
    LocalSubscription* found = table_.FindOf(registrants_[who], scopes_[key.first], key.second);
    ASSERT_EQ(found != nullptr, wanted_[who].contains(key));
    if (found == nullptr) return;
    table_.Deregister(&registrants_[who], found);
    wanted_[who].erase(key);
  }

  void Confirm() {
    for (UpstreamSubscription* sent : source_.table.TakeAdds(5, 1 << 20))
      in_flight_.insert(sent->id);
    for (int64_t id : std::exchange(in_flight_, {})) {
      if (UpstreamSubscription* added = source_.table.OnAdded(id)) table_.SetLive(added->serial);
    }
  }

  void ConfirmRemovals() {
    for (int64_t id : source_.table.TakeRemoves(5)) source_.table.OnRemoved(id);
  }

  // An event that matches some keys, live or not.
  void Event() {
    std::vector<int64_t> ids;
    std::set<int> expected;
    for (int i = 0; i < kFilters; ++i) {
      const Key key(Below(3), "filter" + std::to_string(i));
      LocalSubscription* subscription = table_.Find(scopes_[key.first], key.second);
      if (subscription == nullptr) continue;
      ids.push_back(subscription->upstream->id);
      if (!subscription->live) continue;
      for (int who = 0; who < kRegistrants; ++who) {
        if (wanted_[who].contains(key)) expected.insert(who);
      }
    }
    const std::string text = std::to_string(++events_);
    const size_t count = table_.Deliver(ids, FrameOf(text), 0, static_cast<uint32_t>(text.size()));
    ASSERT_EQ(count, expected.size());
    for (int who = 0; who < kRegistrants; ++who) {
      std::vector<std::string>& got = registrants_[who].events;
      ASSERT_EQ(got.size(), expected.contains(who) ? 1u : 0u);
      got.clear();
    }
  }

  std::mt19937 random_;
  std::vector<ScopePtr> scopes_;
  FakeSource source_;
  RegistrationTable table_{&source_};
  std::array<FakeRegistrant, kRegistrants> registrants_;
  std::array<std::set<Key>, kRegistrants> wanted_;
  std::set<int64_t> in_flight_;
  int events_ = 0;
};

TEST(RegistrationModelTest, DeliversExactlyWhatSetsWould) {
  for (uint32_t seed = 1; seed <= 20; ++seed) {
    Model model(seed);
    for (int step = 0; step < 3000; ++step) {
      model.Step();
      model.Check();
      if (HasFatalFailure()) FAIL() << "seed " << seed << ", step " << step;
    }
  }
}

}  // namespace
}  // namespace carillon::facade
