#include "broker/delivery/outbox.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "tests/unit/delivery/blocks.h"

namespace carillon::delivery {
namespace {

using Verdict = Outbox::Verdict;

std::atomic<int64_t> total_bytes{0};

size_t EventCount(const OutboxMessage& message) {
  size_t count = 0;
  for (const Deliveries& deliveries : std::get<std::vector<Deliveries>>(message)) {
    count += deliveries.events.size();
  }
  return count;
}

TEST(OutboxTest, WhatGathersDuringAWriteGoesOutAsOneMessage) {
  Outbox outbox(1 << 20, 1 << 20, &total_bytes);
  ASSERT_EQ(outbox.Push(All(Block(1, {"a"}))), Verdict::kAccepted);
  ASSERT_EQ(EventCount(*outbox.TakeForWriting()), 1u);
  ASSERT_EQ(outbox.Push(All(Block(2, {"b", "c"}))), Verdict::kAccepted);
  ASSERT_EQ(outbox.Push(All(Block(4, {"d"}))), Verdict::kAccepted);
  EXPECT_FALSE(outbox.TakeForWriting().has_value()) << "one write at a time";
  outbox.WriteDone();
  EXPECT_EQ(EventCount(*outbox.TakeForWriting()), 3u);
}

TEST(OutboxTest, EventsAndResponsesKeepTheirOrder) {
  Outbox outbox(1 << 20, 1 << 20, &total_bytes);
  ASSERT_EQ(outbox.Push(All(Block(1, {"a"}))), Verdict::kAccepted);
  ASSERT_EQ(outbox.PushControl("added"), Verdict::kAccepted);
  ASSERT_EQ(outbox.Push(All(Block(2, {"b"}))), Verdict::kAccepted);
  EXPECT_EQ(EventCount(*outbox.TakeForWriting()), 1u);
  outbox.WriteDone();
  EXPECT_EQ(std::get<std::string>(*outbox.TakeForWriting()), "added");
  outbox.WriteDone();
  EXPECT_EQ(EventCount(*outbox.TakeForWriting()), 1u);
  outbox.WriteDone();
  EXPECT_FALSE(outbox.TakeForWriting().has_value());
}

TEST(OutboxTest, RefusesEventsBeyondItsBudgetAndTakesThemAgainWhenThereIsRoom) {
  const Deliveries one = All(Block(1, {"a"}, "\"" + std::string(1000, 'x') + "\""));
  const size_t cost = one.bytes + Outbox::kItemBytes;
  Outbox outbox(2 * cost + 1, 1, &total_bytes);
  ASSERT_EQ(outbox.Push(one), Verdict::kAccepted);
  ASSERT_EQ(outbox.Push(one), Verdict::kAccepted);
  EXPECT_EQ(outbox.Push(one), Verdict::kFull);
  EXPECT_EQ(outbox.bytes(), 2 * cost);
  ASSERT_TRUE(outbox.TakeForWriting().has_value());
  EXPECT_EQ(outbox.bytes(), cost);
  EXPECT_EQ(outbox.Push(one), Verdict::kAccepted);
}

TEST(OutboxTest, SmallEventsCountForWhatItTakesToKeepThem) {
  Outbox outbox(10 * Outbox::kItemBytes, 1, &total_bytes);
  int accepted = 0;
  while (accepted < 100 && outbox.Push(All(Block(1, {"a"}))) == Verdict::kAccepted) ++accepted;
  EXPECT_LT(accepted, 10);
}

TEST(OutboxTest, WhatWaitsDoesNotKeepBlocksOfWhichItIsALittle) {
  Outbox outbox(1 << 20, 1 << 20, &total_bytes);
  ASSERT_EQ(outbox.Push(All(Block(1, {"first"}))), Verdict::kAccepted);
  std::vector<std::string> keys;
  for (int i = 0; i < 30; ++i) keys.push_back("key-" + std::to_string(i));
  log::EventBlockPtr block = Block(2, keys, std::string(500, 'x'));
  Deliveries few;
  few.block = block;
  for (const uint32_t i : {3, 4, 17}) {
    few.AddEvent(i);
    few.AddId(i);
  }
  ASSERT_EQ(outbox.Push(std::move(few)), Verdict::kAccepted);
  const std::weak_ptr<const log::EventBlock> alive = block;
  block = nullptr;
  EXPECT_TRUE(alive.expired());

  const OutboxMessage message = *outbox.TakeForWriting();
  const Deliveries& waited = std::get<std::vector<Deliveries>>(message).at(1);
  ASSERT_EQ(waited.events.size(), 3u);
  const std::vector<std::string> expected = {"key-3", "key-4", "key-17"};
  for (size_t i = 0; i < expected.size(); ++i) {
    wire::EventView event;
    ASSERT_TRUE(
        wire::ParseEvent(wire::EventOfRecord(waited.block->record(waited.events[i])), &event));
    EXPECT_EQ(event.key, expected[i]);
  }
  EXPECT_THAT(waited.ids, testing::ElementsAre(3, 4, 17));
}

TEST(OutboxTest, AnEmptyOneTakesEvenAnEventThatIsLargerThanItsBudget) {
  Outbox outbox(10, 10, &total_bytes);
  EXPECT_EQ(outbox.Push(All(Block(1, {"a"}))), Verdict::kAccepted);
  EXPECT_EQ(outbox.Push(All(Block(2, {"b"}))), Verdict::kFull);
}

TEST(OutboxTest, ResponsesOfOneWhoNeverReadsAreRefusedAtTwiceTheBudget) {
  Outbox outbox(100, 100, &total_bytes);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(outbox.PushControl("0123456789"), Verdict::kAccepted) << i;
  }
  EXPECT_EQ(outbox.PushControl("0123456789"), Verdict::kFull);
}

TEST(OutboxTest, AMessageTakesNoMoreOnceItHasReachedItsSize) {
  const Deliveries one = All(Block(1, {"a"}));
  Outbox outbox(1 << 20, 2 * one.bytes, &total_bytes);
  for (uint64_t i = 0; i < 5; ++i) ASSERT_EQ(outbox.Push(one), Verdict::kAccepted);
  EXPECT_EQ(EventCount(*outbox.TakeForWriting()), 2u);
}

TEST(OutboxTest, AClosedOneIsEmptyAndStaysSo) {
  Outbox outbox(1 << 20, 1 << 20, &total_bytes);
  ASSERT_EQ(outbox.PushControl("x"), Verdict::kAccepted);
  outbox.Close();
  EXPECT_EQ(outbox.PushControl("y"), Verdict::kAccepted);
  EXPECT_FALSE(outbox.TakeForWriting().has_value());
  EXPECT_EQ(outbox.bytes(), 0u);
}

TEST(OutboxTest, OneIsClosedIfIdleAndNotWhileSomethingWaitsOrIsWritten) {
  Outbox outbox(1 << 20, 1 << 20, &total_bytes);
  ASSERT_EQ(outbox.PushControl("x"), Verdict::kAccepted);
  EXPECT_FALSE(outbox.CloseIfIdle());
  ASSERT_TRUE(outbox.TakeForWriting().has_value());
  EXPECT_FALSE(outbox.CloseIfIdle());
  outbox.WriteDone();
  EXPECT_TRUE(outbox.CloseIfIdle());
  EXPECT_EQ(outbox.PushControl("y"), Verdict::kAccepted);
  EXPECT_FALSE(outbox.TakeForWriting().has_value());
}

TEST(OutboxTest, TheTotalOfAllIsKept) {
  std::atomic<int64_t> total{0};
  {
    Outbox a(1 << 20, 1 << 20, &total);
    Outbox b(1 << 20, 1 << 20, &total);
    ASSERT_EQ(a.PushControl("12345"), Verdict::kAccepted);
    ASSERT_EQ(b.PushControl("123"), Verdict::kAccepted);
    EXPECT_EQ(total, 8);
    ASSERT_TRUE(a.TakeForWriting().has_value());
    EXPECT_EQ(total, 3);
  }
  EXPECT_EQ(total, 0);
}

}  // namespace
}  // namespace carillon::delivery
