#include "wsfacade/hub/fan_out.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/client/fake_broker.h"
#include "tests/unit/facade/registration_fixture.h"
#include "wsfacade/hub/hub.h"

namespace carillon::facade {
namespace {

using ::testing::ElementsAre;

// Notes how far the events have come when it is given one.
class Reached : public FakeRegistrant {
 public:
  explicit Reached(const FanOut* fan_out) : fan_out_(fan_out) {}
  bool OnEvent(const SharedBytesPtr& frames, uint32_t begin, uint32_t end) override {
    reached.emplace_back(fan_out_->reached());
    return FakeRegistrant::OnEvent(frames, begin, end);
  }

  std::vector<std::string> reached;

 private:
  const FanOut* const fan_out_;
};

class FanOutTest : public testing::Test {
 protected:
  // Events at these positions, which all match the subscription with this id.
  static std::shared_ptr<const EventFrames> Frames(int64_t id,
                                                   const std::vector<std::string>& positions) {
    const std::vector<int64_t> ids = {id};
    std::vector<client::ReceivedEvent> events;
    for (const std::string& position : positions) {
      client::ReceivedEvent& received = events.emplace_back();
      received.event.position = position;
      received.subscription_ids = ids;
    }
    return BuildEventFrames(events);
  }

  client::FakeBroker broker_;
  IoThread thread_{0, absl::ZeroDuration()};
  IoThread* const threads_[1] = {&thread_};
  Hub hub_{broker_.Connect(), HubOptions(), threads_};
  FanOut& fan_out_ = hub_.fan_out(0);
};

TEST_F(FanOutTest, WhileAnEventIsHandedOutTheOneBeforeItIsReached) {
  Reached registrant(&fan_out_);
  const ScopePtr scope = std::make_shared<const std::string>("scope");
  const LocalSubscription* subscription = fan_out_.table().Register(&registrant, scope, "");
  fan_out_.table().SetLive(subscription->upstream->serial);
  const int64_t id = subscription->upstream->id;

  fan_out_.SetReached("p0");
  fan_out_.Deliver(*Frames(id, {"p1", "p2"}));
  EXPECT_EQ(fan_out_.reached(), "p2");
  // Events for others count too.
  fan_out_.Deliver(*Frames(id + 1, {"p3"}));
  EXPECT_EQ(fan_out_.reached(), "p3");
  fan_out_.Deliver(*Frames(id, {"p4"}));
  fan_out_.SetReached("p9");
  fan_out_.Deliver(*Frames(id, {"p10"}));
  EXPECT_THAT(registrant.reached, ElementsAre("p0", "p1", "p3", "p9"));
  fan_out_.table().DeregisterAll(&registrant);
}

TEST_F(FanOutTest, OnlyWhatIsTakenCountsAsDelivered) {
  FakeRegistrant takes, does_not;
  does_not.takes = false;
  const ScopePtr scope = std::make_shared<const std::string>("scope");
  const LocalSubscription* subscription = fan_out_.table().Register(&takes, scope, "");
  fan_out_.table().Register(&does_not, scope, "");
  fan_out_.table().SetLive(subscription->upstream->serial);
  fan_out_.Deliver(*Frames(subscription->upstream->id, {"p1", "p2"}));
  EXPECT_EQ(fan_out_.counts.deliveries.Get(), 2);
  fan_out_.table().DeregisterAll(&takes);
  fan_out_.table().DeregisterAll(&does_not);
}

}  // namespace
}  // namespace carillon::facade
