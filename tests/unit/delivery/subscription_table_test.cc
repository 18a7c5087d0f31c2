#include "broker/delivery/subscription_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace carillon::delivery {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class SubscriptionTableTest : public ::testing::Test {
 protected:
  // A scope in use that covers events of one type ("*" for any).
  static access::ScopePtr MakeScope(const std::string& type) {
    v1::Claim claim;
    claim.set_scope(type);
    claim.set_action("*");
    claim.set_specific("*");
    auto scope = std::make_shared<access::Scope>(
        std::vector<access::CompiledClaim>{access::CompiledClaim::Compile(claim).value()},
        std::nullopt);
    scope->live_sessions() = 1;
    return scope;
  }

  static std::shared_ptr<const match::CompiledFilter> FilterForType(const std::string& type) {
    v1::Filter filter;
    if (!type.empty()) filter.mutable_type()->add_values(type);
    return match::CompiledFilter::Compile(filter).value();
  }

  std::unique_ptr<Subscriber> MakeStream() {
    return std::make_unique<Subscriber>(StreamKind::kSubscribe, nullptr, nullptr, 1 << 20, 1 << 16,
                                        &outbox_bytes_);
  }

  uint32_t Add(Subscriber& stream, std::shared_ptr<const match::CompiledFilter> filter,
               access::ScopePtr scope, uint64_t after = 0) {
    SubscriptionTable::Subscription subscription;
    subscription.subscriber = &stream;
    subscription.id = next_id_++;
    subscription.after = after;
    subscription.filter = std::move(filter);
    const uint32_t slot = table_.Add(subscription, std::move(scope));
    stream.dispatcher_side.slots[subscription.id] = slot;
    return slot;
  }

  std::vector<uint32_t> Match(const std::string& type, uint64_t sequence = 1,
                              const std::string& object = "{}") {
    const wire::EventView event = EventOf(type, object);
    const auto slots = table_.Match(sequence, event);
    return {slots.begin(), slots.end()};
  }

  std::vector<uint32_t> MatchFor(const Subscriber& stream, const std::string& type,
                                 uint64_t sequence = 1) {
    const wire::EventView event = EventOf(type, "{}");
    const auto slots = table_.MatchFor(stream, sequence, event);
    return {slots.begin(), slots.end()};
  }

  static wire::EventView EventOf(const std::string& type, const std::string& object) {
    wire::EventView event;
    event.type = type;
    event.action = "save";
    event.key = "k";
    event.object = object;
    return event;
  }

  std::atomic<int64_t> outbox_bytes_{0};
  SubscriptionTable table_;
  int64_t next_id_ = 1;
};

TEST_F(SubscriptionTableTest, AnEventGoesToThoseWhoAskedForItAndMaySeeIt) {
  const auto stream = MakeStream();
  const access::ScopePtr machines = MakeScope("machines");
  const uint32_t machine = Add(*stream, FilterForType("machines"), machines);
  const uint32_t any = Add(*stream, FilterForType(""), machines);
  Add(*stream, FilterForType("profiles"), machines);
  EXPECT_THAT(Match("machines"), UnorderedElementsAre(machine, any));
  EXPECT_THAT(Match("profiles"), IsEmpty());
}

TEST_F(SubscriptionTableTest, NothingIsShownUnderAScopeWithoutSessions) {
  const auto stream = MakeStream();
  const access::ScopePtr scope = MakeScope("*");
  const uint32_t slot = Add(*stream, FilterForType(""), scope);
  ASSERT_THAT(Match("machines"), ElementsAre(slot));
  scope->live_sessions() = 0;
  EXPECT_THAT(Match("machines"), IsEmpty());
}

TEST_F(SubscriptionTableTest, ANewScopeCountsFromTheNextEventOn) {
  const auto stream = MakeStream();
  const uint32_t slot = Add(*stream, FilterForType(""), MakeScope("machines"));
  const uint32_t other = Add(*stream, FilterForType(""), MakeScope("machines"));
  table_.SetScope(slot, MakeScope("profiles"));
  EXPECT_THAT(Match("machines"), ElementsAre(other));
  EXPECT_THAT(Match("profiles"), ElementsAre(slot));
}

TEST_F(SubscriptionTableTest, ASubscriptionSeesEventsAfterItsBeginning) {
  const auto stream = MakeStream();
  const uint32_t slot = Add(*stream, FilterForType(""), MakeScope("*"), 10);
  EXPECT_THAT(Match("machines", 10), IsEmpty());
  EXPECT_THAT(Match("machines", 11), ElementsAre(slot));
  table_.SetAfter(slot, 12);
  EXPECT_THAT(Match("machines", 12), IsEmpty());
}

TEST_F(SubscriptionTableTest, ConditionsAreAskedOfTheObject) {
  const auto stream = MakeStream();
  v1::Filter filter;
  v1::Condition* condition = filter.add_conditions();
  condition->set_pointer("/Name");
  condition->set_operator_(v1::Condition::OPERATOR_EQUAL);
  condition->set_string_value("a");
  const uint32_t slot =
      Add(*stream, match::CompiledFilter::Compile(filter).value(), MakeScope("*"));
  EXPECT_THAT(Match("machines", 1, R"({"Name":"a"})"), ElementsAre(slot));
  EXPECT_THAT(Match("machines", 1, R"({"Name":"b"})"), IsEmpty());
}

TEST_F(SubscriptionTableTest, ARemovedSubscriptionsSlotAndScopeAreFreeForOthers) {
  const auto stream = MakeStream();
  access::ScopePtr scope = MakeScope("*");
  const std::weak_ptr<const access::Scope> watched = scope;
  const uint32_t slot = Add(*stream, FilterForType("machines"), std::move(scope));
  table_.Remove(slot);
  EXPECT_TRUE(watched.expired());
  EXPECT_EQ(table_.size(), 0u);
  EXPECT_THAT(Match("machines"), IsEmpty());
  EXPECT_EQ(Add(*stream, FilterForType("profiles"), MakeScope("*")), slot);
  EXPECT_THAT(Match("machines"), IsEmpty());
  EXPECT_THAT(Match("profiles"), ElementsAre(slot));
}

// One is matched filter by filter, the other through the index.
TEST_F(SubscriptionTableTest, AStreamWithFewSubscriptionsAndOneWithManyAreMatchedAlike) {
  const auto few = MakeStream();
  const auto many = MakeStream();
  const access::ScopePtr scope = MakeScope("*");
  const uint32_t of_few = Add(*few, FilterForType("machines"), scope, 5);
  Add(*few, FilterForType("profiles"), scope);
  const uint32_t of_many = Add(*many, FilterForType("machines"), scope, 5);
  for (int i = 0; i < 50; ++i) Add(*many, FilterForType(absl::StrCat("type-", i)), scope);
  EXPECT_THAT(MatchFor(*few, "machines", 6), ElementsAre(of_few));
  EXPECT_THAT(MatchFor(*many, "machines", 6), ElementsAre(of_many));
  EXPECT_THAT(MatchFor(*few, "machines", 5), IsEmpty());
  EXPECT_THAT(MatchFor(*many, "machines", 5), IsEmpty());
  EXPECT_THAT(Match("machines", 6), UnorderedElementsAre(of_few, of_many));
}

}  // namespace
}  // namespace carillon::delivery
