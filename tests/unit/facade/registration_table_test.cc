#include "wsfacade/hub/registration_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "tests/unit/facade/registration_fixture.h"

namespace carillon::facade {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class RegistrationTableTest : public testing::Test {
 protected:
  LocalSubscription* RegisterLive(FakeRegistrant* registrant, const std::string& filter) {
    LocalSubscription* subscription = table_.Register(registrant, scope_, filter);
    table_.SetLive(subscription->upstream->serial);
    return subscription;
  }
  size_t Deliver(const std::vector<int64_t>& ids, const std::string& text) {
    return table_.Deliver(ids, FrameOf(text), 0, static_cast<uint32_t>(text.size()));
  }

  const ScopePtr scope_ = std::make_shared<const std::string>("scope");
  FakeSource source_;
  RegistrationTable table_{&source_};
  FakeRegistrant fred_;
  FakeRegistrant wilma_;
};

TEST_F(RegistrationTableTest, DeliversToThoseWhoRegistered) {
  LocalSubscription* a = RegisterLive(&fred_, "a");
  LocalSubscription* b = RegisterLive(&wilma_, "b");
  EXPECT_EQ(Deliver({a->upstream->id}, "1"), 1u);
  EXPECT_EQ(Deliver({b->upstream->id, a->upstream->id}, "2"), 2u);
  EXPECT_EQ(Deliver({99}, "3"), 0u);
  EXPECT_THAT(fred_.events, ElementsAre("1", "2"));
  EXPECT_THAT(wilma_.events, ElementsAre("2"));
}

TEST_F(RegistrationTableTest, DeliversAnEventOnceHoweverManyRegistrationsMatch) {
  LocalSubscription* a = RegisterLive(&fred_, "a");
  LocalSubscription* b = RegisterLive(&fred_, "b");
  EXPECT_EQ(Deliver({a->upstream->id, b->upstream->id}, "1"), 1u);
  EXPECT_THAT(fred_.events, ElementsAre("1"));
}

TEST_F(RegistrationTableTest, DeliversNothingBeforeTheSubscriptionIsInForce) {
  LocalSubscription* a = table_.Register(&fred_, scope_, "a");
  Deliver({a->upstream->id}, "early");
  table_.SetLive(a->upstream->serial);
  Deliver({a->upstream->id}, "later");
  EXPECT_THAT(fred_.events, ElementsAre("later"));
  EXPECT_EQ(fred_.live_count, 1);
}

TEST_F(RegistrationTableTest, ADeregisterRemovesOnlyItsOwnFilter) {
  LocalSubscription* a = RegisterLive(&fred_, "a");
  LocalSubscription* b = RegisterLive(&fred_, "b");
  const int64_t a_id = a->upstream->id;
  table_.Deregister(&fred_, a);
  Deliver({a_id}, "1");
  Deliver({b->upstream->id}, "2");
  EXPECT_THAT(fred_.events, ElementsAre("2"));
  EXPECT_EQ(table_.FindOf(fred_, scope_, "a"), nullptr);
  EXPECT_EQ(table_.FindOf(fred_, scope_, "b"), b);
}

TEST_F(RegistrationTableTest, TheLastToDeregisterReleasesTheSubscription) {
  LocalSubscription* a = RegisterLive(&fred_, "a");
  EXPECT_EQ(table_.Register(&wilma_, scope_, "a"), a);
  table_.Deregister(&fred_, a);
  EXPECT_EQ(source_.table.size(), 1u);
  table_.DeregisterAll(&wilma_);
  EXPECT_EQ(source_.table.size(), 0u);
  EXPECT_EQ(table_.registration_count(), 0u);
}

TEST_F(RegistrationTableTest, AConfirmationForOneThatHasGoneDoesNotReachItsSuccessor) {
  LocalSubscription* a = table_.Register(&fred_, scope_, "a");
  const uint64_t serial = a->upstream->serial;
  table_.Deregister(&fred_, a);
  LocalSubscription* again = table_.Register(&fred_, scope_, "a");
  table_.SetLive(serial);
  EXPECT_FALSE(again->live);
}

TEST_F(RegistrationTableTest, ARefusalReachesItsMembersAlone) {
  LocalSubscription* a = table_.Register(&fred_, scope_, "a");
  table_.Register(&wilma_, scope_, "b");
  table_.Refuse(a->upstream->serial, absl::InvalidArgumentError("no"));
  EXPECT_THAT(fred_.refused, ElementsAre(a));
  EXPECT_THAT(wilma_.refused, IsEmpty());
}

TEST_F(RegistrationTableTest, WhoComesAfterARefusalGetsAnotherSubscription) {
  LocalSubscription* refused = table_.Register(&fred_, scope_, "a");
  source_.table.Refuse(refused->upstream);
  table_.Refuse(refused->upstream->serial, absl::ResourceExhaustedError("too many"));
  LocalSubscription* next = table_.Register(&wilma_, scope_, "a");
  EXPECT_NE(next, refused);
  EXPECT_NE(next->upstream, refused->upstream);
  table_.Deregister(&fred_, refused);
  EXPECT_EQ(table_.Find(scope_, "a"), next);
  table_.SetLive(next->upstream->serial);
  EXPECT_EQ(wilma_.live_count, 1);
}

TEST_F(RegistrationTableTest, AnInterruptedOneGetsNothingUntilItIsInForceAgain) {
  LocalSubscription* a = RegisterLive(&fred_, "a");
  RegisterLive(&wilma_, "b");
  table_.Interrupt(a->upstream->serial);
  EXPECT_EQ(fred_.interrupted_count, 1);
  EXPECT_EQ(wilma_.interrupted_count, 0);
  EXPECT_EQ(table_.Deliver({a->upstream->id}, FrameOf("1"), 0, 1), 0u);
  table_.Interrupt(a->upstream->serial);
  EXPECT_EQ(fred_.interrupted_count, 1) << "it is not in force";
  table_.SetLive(a->upstream->serial);
  EXPECT_EQ(table_.Deliver({a->upstream->id}, FrameOf("2"), 0, 1), 1u);
  EXPECT_EQ(fred_.events, std::vector<std::string>{"2"});
}

TEST_F(RegistrationTableTest, WhatWasInForceAndIsRefusedLeavesItsIdToAnother) {
  LocalSubscription* refused = RegisterLive(&fred_, "a");
  const int64_t id = refused->upstream->id;
  table_.Refuse(refused->upstream->serial, absl::ResourceExhaustedError("too many"));
  EXPECT_EQ(fred_.refused, std::vector<LocalSubscription*>{refused});
  EXPECT_EQ(table_.Deliver({id}, FrameOf("1"), 0, 1), 0u);
  source_.table.OnClosed(id);
  source_.table.Refuse(refused->upstream);
  table_.Deregister(&fred_, refused);
  EXPECT_EQ(RegisterLive(&wilma_, "b")->upstream->id, id);
  EXPECT_EQ(table_.Deliver({id}, FrameOf("2"), 0, 1), 1u);
}

TEST_F(RegistrationTableTest, ALossReachesAll) {
  RegisterLive(&fred_, "a");
  RegisterLive(&wilma_, "b");
  table_.LoseAll("lost");
  EXPECT_EQ(fred_.lost_count, 1);
  EXPECT_EQ(wilma_.lost_count, 1);
}

}  // namespace
}  // namespace carillon::facade
