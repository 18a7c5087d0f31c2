#include "wsfacade/net/timer_wheel.h"

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>
#include <vector>

namespace carillon::facade {
namespace {

using Node = TimerWheel::Node;

std::vector<Node*> AdvanceTo(TimerWheel* wheel, int64_t now) {
  std::vector<Node*> expired;
  wheel->Advance(now, [&](Node* node) { expired.push_back(node); });
  return expired;
}

TEST(TimerWheelTest, ExpiresAtTheDeadlineAndOnce) {
  TimerWheel wheel(8);
  Node node;
  wheel.Set(&node, 5);
  EXPECT_TRUE(AdvanceTo(&wheel, 4).empty());
  EXPECT_EQ(AdvanceTo(&wheel, 5), std::vector<Node*>{&node});
  EXPECT_FALSE(node.is_set());
  EXPECT_TRUE(AdvanceTo(&wheel, 50).empty());
}

TEST(TimerWheelTest, ReachesFartherThanItsSlots) {
  TimerWheel wheel(8);
  Node node;
  wheel.Set(&node, 100);
  EXPECT_TRUE(AdvanceTo(&wheel, 99).empty());
  EXPECT_EQ(AdvanceTo(&wheel, 100).size(), 1u);
}

TEST(TimerWheelTest, TheLastDeadlineSetCounts) {
  TimerWheel wheel(8);
  Node later;
  wheel.Set(&later, 3);
  wheel.Set(&later, 6);
  Node earlier;
  wheel.Set(&earlier, 6);
  wheel.Set(&earlier, 2);
  EXPECT_EQ(AdvanceTo(&wheel, 3), std::vector<Node*>{&earlier});
  EXPECT_EQ(AdvanceTo(&wheel, 6), std::vector<Node*>{&later});
}

TEST(TimerWheelTest, ACancelledOneDoesNotExpire) {
  TimerWheel wheel(8);
  Node node;
  wheel.Set(&node, 3);
  wheel.Cancel(&node);
  EXPECT_TRUE(AdvanceTo(&wheel, 20).empty());
}

TEST(TimerWheelTest, WhatExpiresMayEndAndSetOthersOfTheSameTick) {
  TimerWheel wheel(4);
  auto first = std::make_unique<Node>();
  auto second = std::make_unique<Node>();
  wheel.Set(first.get(), 2);
  wheel.Set(second.get(), 2);
  int count = 0;
  wheel.Advance(2, [&](Node* node) {
    ++count;
    if (node == first.get()) {
      second.reset();
      wheel.Set(node, 3);
    }
  });
  EXPECT_EQ(count, 1);
  EXPECT_EQ(AdvanceTo(&wheel, 3).size(), 1u);
}

TEST(TimerWheelTest, ModelOfRandomDeadlines) {
  std::mt19937 random(11);
  TimerWheel wheel(16);
  std::deque<Node> nodes(50);
  std::map<Node*, int64_t> model;
  int64_t now = 0;
  for (int step = 0; step < 20000; ++step) {
    Node* node = &nodes[random() % nodes.size()];
    switch (random() % 4) {
      case 0:
        wheel.Cancel(node);
        model.erase(node);
        break;
      case 1: {
        now += random() % 3;
        std::map<Node*, int64_t> due;
        for (const auto& [n, deadline] : model) {
          if (deadline <= now) due[n] = deadline;
        }
        for (Node* expired : AdvanceTo(&wheel, now)) {
          ASSERT_EQ(due.erase(expired), 1u);
          model.erase(expired);
        }
        ASSERT_TRUE(due.empty());
        break;
      }
      default:
        model[node] = now + 1 + random() % 60;
        wheel.Set(node, model[node]);
    }
  }
}

}  // namespace
}  // namespace carillon::facade
