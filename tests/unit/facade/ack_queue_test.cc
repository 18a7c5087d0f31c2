#include "wsfacade/session/ack_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<std::string> Take(AckQueue* queue) {
  std::vector<std::string> taken;
  queue->TakeReady([&](const AckQueue::Ack& ack) {
    taken.push_back(ack.error.ok() ? ack.text : absl::StrCat("error ", ack.text));
  });
  return taken;
}

AckQueue::Ack Ready(std::string text) {
  return {.verb = Verb::kRegister, .text = std::move(text), .error = {}, .awaited = nullptr};
}
AckQueue::Ack Awaiting(std::string text, const LocalSubscription* subscription) {
  return {.verb = Verb::kRegister, .text = std::move(text), .error = {}, .awaited = subscription};
}
AckQueue::Ack Repeating(std::string text, const LocalSubscription* subscription) {
  AckQueue::Ack ack = Awaiting(std::move(text), subscription);
  ack.repeats = true;
  return ack;
}

TEST(AckQueueTest, WhatIsReadyWaitsForWhatCameBefore) {
  AckQueue queue;
  LocalSubscription slow;
  queue.Push(Ready("a"));
  queue.Push(Awaiting("b", &slow));
  queue.Push(Ready("c"));
  EXPECT_THAT(Take(&queue), ElementsAre("a"));
  EXPECT_THAT(Take(&queue), IsEmpty());
  slow.live = true;
  EXPECT_THAT(Take(&queue), ElementsAre("b", "c"));
  EXPECT_TRUE(queue.empty());
  EXPECT_EQ(queue.size_bytes(), 0u);
}

TEST(AckQueueTest, ALaterConfirmationDoesNotOvertake) {
  AckQueue queue;
  LocalSubscription first, second;
  queue.Push(Awaiting("1", &first));
  queue.Push(Awaiting("2", &second));
  second.live = true;
  EXPECT_THAT(Take(&queue), IsEmpty());
  first.live = true;
  EXPECT_THAT(Take(&queue), ElementsAre("1", "2"));
}

TEST(AckQueueTest, ARegistrationIsAwaitedUntilItsFirstAnswerAndNotByRepeats) {
  AckQueue queue;
  LocalSubscription slow, moved, refused;
  EXPECT_FALSE(queue.Awaits(&slow));
  queue.Push(Awaiting("slow", &slow));
  queue.Push(Awaiting("refused", &refused));
  queue.Push(Repeating("slow", &slow));
  EXPECT_TRUE(queue.Awaits(&slow));
  queue.Replace(&slow, &moved);
  EXPECT_FALSE(queue.Awaits(&slow));
  EXPECT_TRUE(queue.Awaits(&moved));
  moved.live = true;
  EXPECT_THAT(Take(&queue), ElementsAre("slow"));
  EXPECT_FALSE(queue.Awaits(&moved)) << "only a repeat still waits";
  EXPECT_TRUE(queue.Awaits(&refused));
  queue.Fail(&refused, absl::InternalError("why"));
  EXPECT_FALSE(queue.Awaits(&refused));
  EXPECT_THAT(Take(&queue), ElementsAre("error register refused", "slow"));
}

TEST(AckQueueTest, WhatIsWithdrawnWaitsNoLonger) {
  AckQueue queue;
  LocalSubscription gone;
  queue.Push(Awaiting("register", &gone));
  queue.Replace(&gone, nullptr);
  queue.Push(Ready("deregister"));
  EXPECT_THAT(Take(&queue), ElementsAre("register", "deregister"));
}

TEST(AckQueueTest, WhatHasMovedWaitsForItsNewPlace) {
  AckQueue queue;
  LocalSubscription before, after;
  before.live = true;
  queue.Push(Awaiting("a", &before));
  queue.Replace(&before, &after);
  EXPECT_THAT(Take(&queue), IsEmpty());
  after.live = true;
  EXPECT_THAT(Take(&queue), ElementsAre("a"));
}

TEST(AckQueueTest, WhatIsRefusedBecomesAnErrorInItsPlace) {
  AckQueue queue;
  LocalSubscription slow, refused;
  queue.Push(Awaiting("a", &slow));
  queue.Push(Awaiting("b", &refused));
  queue.Push(Ready("c"));
  queue.Fail(&refused, absl::InvalidArgumentError("no"));
  slow.live = true;
  EXPECT_THAT(Take(&queue), ElementsAre("a", "error register b", "c"));
  EXPECT_EQ(queue.size_bytes(), 0u);
}

TEST(AckQueueTest, CountsWhatItsTextsHold) {
  AckQueue queue;
  LocalSubscription slow;
  queue.Push(Awaiting(std::string(1000, 'x'), &slow));
  EXPECT_GE(queue.size_bytes(), 1000u);
}

}  // namespace
}  // namespace carillon::facade
