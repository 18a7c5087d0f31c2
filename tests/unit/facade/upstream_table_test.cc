#include "wsfacade/hub/upstream_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

namespace carillon::facade {
namespace {

using State = UpstreamSubscription::State;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr size_t kMany = 1000;
constexpr size_t kBytes = 1 << 20;

class UpstreamTableTest : public testing::Test {
 protected:
  // The ids that the broker is told of next.
  std::vector<int64_t> TakeAdds(size_t max = kMany, size_t bytes_max = kBytes) {
    std::vector<int64_t> ids;
    for (const UpstreamSubscription* s : table_.TakeAdds(max, bytes_max)) ids.push_back(s->id);
    return ids;
  }
  UpstreamSubscription* AcquireLive(const std::string& filter, int thread = 0) {
    UpstreamSubscription* subscription = table_.Acquire(scope_, filter, thread);
    for (int64_t id : TakeAdds()) table_.OnAdded(id);
    return subscription;
  }

  const ScopePtr scope_ = std::make_shared<const std::string>("scope");
  const ScopePtr other_scope_ = std::make_shared<const std::string>("other");
  UpstreamTable table_;
};

TEST_F(UpstreamTableTest, EqualScopeAndFilterShareOneSubscription) {
  UpstreamSubscription* a = table_.Acquire(scope_, "f", 0);
  EXPECT_EQ(table_.Acquire(scope_, "f", 1), a);
  EXPECT_NE(table_.Acquire(other_scope_, "f", 0), a);
  EXPECT_NE(table_.Acquire(scope_, "g", 0), a);
  EXPECT_EQ(a->users, 3u);
  EXPECT_EQ(TakeAdds().size(), 3u);
}

TEST_F(UpstreamTableTest, ASubscriptionIsRemovedWhenItsLastUserReleasesIt) {
  UpstreamSubscription* a = AcquireLive("f", 0);
  table_.Acquire(scope_, "f", 1);
  table_.Release(a, 0);
  EXPECT_THAT(table_.TakeRemoves(kMany), IsEmpty());
  const int64_t id = a->id;
  table_.Release(a, 1);
  EXPECT_THAT(table_.TakeRemoves(kMany), ElementsAre(id));
  EXPECT_EQ(table_.size(), 0u);
}

TEST_F(UpstreamTableTest, AnIdIsUsedAgainOnlyAfterItsRemovalIsConfirmed) {
  UpstreamSubscription* a = AcquireLive("f");
  const int64_t id = a->id;
  table_.Release(a, 0);
  table_.TakeRemoves(kMany);
  EXPECT_NE(table_.Acquire(scope_, "g", 0)->id, id);
  table_.OnRemoved(id);
  EXPECT_EQ(table_.Acquire(scope_, "h", 0)->id, id);
}

TEST_F(UpstreamTableTest, OneReleasedBeforeItWasToldIsNeverTold) {
  table_.Release(table_.Acquire(scope_, "f", 0), 0);
  EXPECT_THAT(TakeAdds(), IsEmpty());
  EXPECT_THAT(table_.TakeRemoves(kMany), IsEmpty());
}

TEST_F(UpstreamTableTest, OneAcquiredAgainWhileItIsRemovedIsAnother) {
  UpstreamSubscription* a = AcquireLive("f");
  const uint64_t serial = a->serial;
  table_.Release(a, 0);
  UpstreamSubscription* b = table_.Acquire(scope_, "f", 0);
  EXPECT_NE(b->serial, serial);
  EXPECT_EQ(b->state, State::kQueued);
}

TEST_F(UpstreamTableTest, BatchesGatherWhileOneAwaitsItsAnswer) {
  table_.Acquire(scope_, "a", 0);
  EXPECT_THAT(TakeAdds(), ElementsAre(1));
  table_.Acquire(scope_, "b", 0);
  table_.Acquire(scope_, "c", 0);
  EXPECT_THAT(TakeAdds(), IsEmpty());
  table_.OnAdded(1);
  EXPECT_THAT(TakeAdds(), ElementsAre(2, 3));
}

TEST_F(UpstreamTableTest, AnAnswerCountsAlsoWhenNobodyUsesItAnyMore) {
  UpstreamSubscription* a = table_.Acquire(scope_, "a", 0);
  TakeAdds();
  table_.Release(a, 0);
  table_.Acquire(scope_, "b", 0);
  EXPECT_EQ(table_.OnAdded(1), nullptr);
  EXPECT_THAT(TakeAdds(), ElementsAre(2));
}

TEST_F(UpstreamTableTest, BatchesAreBoundedInNumberAndBytes) {
  for (const char* filter : {"aaaa", "bbbb", "cccc", "dddd", "eeee"}) {
    table_.Acquire(scope_, filter, 0);
  }
  EXPECT_THAT(TakeAdds(2), ElementsAre(1, 2));
  table_.OnAdded(1);
  table_.OnAdded(2);
  EXPECT_THAT(TakeAdds(kMany, 5), ElementsAre(3, 4));
}

TEST_F(UpstreamTableTest, ARequeuedOneIsToldAgain) {
  UpstreamSubscription* a = table_.Acquire(scope_, "a", 0);
  TakeAdds();
  EXPECT_EQ(table_.OnClosed(1), a);
  table_.Requeue(a);
  EXPECT_THAT(TakeAdds(), ElementsAre(1));
}

TEST_F(UpstreamTableTest, ARefusedOneGivesWayToTheNextForItsFilter) {
  UpstreamSubscription* a = table_.Acquire(scope_, "a", 0);
  TakeAdds();
  table_.OnClosed(1);
  table_.Refuse(a);
  UpstreamSubscription* b = table_.Acquire(scope_, "a", 1);
  EXPECT_NE(b, a);
  table_.Release(a, 0);
  EXPECT_EQ(table_.Acquire(scope_, "a", 0), b);
  EXPECT_THAT(table_.TakeRemoves(kMany), IsEmpty());
}

TEST_F(UpstreamTableTest, ANewStreamIsToldOfAllThatHaveUsers) {
  AcquireLive("live");
  UpstreamSubscription* gone = AcquireLive("gone");
  table_.Release(gone, 0);
  table_.TakeRemoves(kMany);
  table_.Acquire(scope_, "sent", 0);
  TakeAdds();
  table_.Acquire(scope_, "queued", 0);
  table_.Restart();
  EXPECT_THAT(TakeAdds(), ElementsAre(1, 3, 4));
  EXPECT_THAT(table_.TakeRemoves(kMany), IsEmpty());
  // Nobody waits for its removal any more.
  EXPECT_EQ(table_.Acquire(scope_, "next", 0)->id, 2);
}

}  // namespace
}  // namespace carillon::facade
