#include "wsfacade/session/catch_up.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace carillon::facade {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

// Event n has the position "n" and the frame "n;".
std::string FrameOf(int event) { return absl::StrCat(event, ";"); }
std::string PositionOf(int event) { return absl::StrCat(event); }

// Of events in order, each with the ids of the subscriptions it matched.
std::shared_ptr<const EventFrames> Batch(const std::vector<int>& events,
                                         const std::map<int, std::vector<int64_t>>& ids = {}) {
  auto frames = std::make_shared<EventFrames>();
  std::string bytes;
  for (int event : events) {
    const uint32_t begin = static_cast<uint32_t>(bytes.size());
    bytes += FrameOf(event);
    const auto matched = ids.find(event);
    if (matched == ids.end()) {
      frames->ids.push_back(1);
    } else {
      frames->ids.insert(frames->ids.end(), matched->second.begin(), matched->second.end());
    }
    frames->positions += PositionOf(event);
    frames->events.push_back({begin, static_cast<uint32_t>(bytes.size()),
                              static_cast<uint32_t>(frames->ids.size()),
                              static_cast<uint32_t>(frames->positions.size())});
  }
  frames->bytes.reset(new SharedBytes(std::move(bytes)));
  return frames;
}

std::vector<std::string> Split(const std::string& frames) {
  return absl::StrSplit(frames, ';', absl::SkipEmpty());
}

std::vector<std::string> TakeAll(CatchUp& catch_up, size_t max = 1000) {
  std::string taken;
  std::optional<CatchUp::Frame> frame;
  for (size_t i = 0; i < max && (frame = catch_up.NextFrame()).has_value(); ++i) {
    taken += catch_up.frames()->bytes().substr(frame->begin, frame->size());
    catch_up.Skip();
  }
  return Split(taken);
}

bool HoldEvent(CatchUp& catch_up, int event) {
  return catch_up.Hold(FrameOf(event), PositionOf(event - 1));
}

TEST(CatchUpTest, GivesTheReplayThenWhatWasHeldAndHasCaughtUp) {
  CatchUp catch_up("3", 100);
  EXPECT_EQ(catch_up.after(), "3");
  EXPECT_FALSE(HoldEvent(catch_up, 4)) << "no round: a replay brings it";
  catch_up.BeginRound("5");
  EXPECT_TRUE(HoldEvent(catch_up, 6));
  catch_up.OnReplayed(Batch({4}));
  EXPECT_THAT(TakeAll(catch_up), ElementsAre("4"));
  catch_up.OnReplayed(Batch({5}));
  EXPECT_THAT(TakeAll(catch_up), ElementsAre("5"));
  EXPECT_TRUE(HoldEvent(catch_up, 7));
  EXPECT_TRUE(catch_up.is_replaying());
  catch_up.OnReplayEnded();
  EXPECT_FALSE(catch_up.is_replaying());
  EXPECT_TRUE(HoldEvent(catch_up, 8));
  EXPECT_THAT(Split(catch_up.EndRound()), ElementsAre("6", "7", "8"));
  EXPECT_TRUE(catch_up.caught_up());
}

TEST(CatchUpTest, HoldsNoMoreThanItMayAndGoesOnFromThere) {
  CatchUp catch_up("3", 4);
  catch_up.BeginRound("5");
  EXPECT_TRUE(HoldEvent(catch_up, 6));
  EXPECT_TRUE(HoldEvent(catch_up, 7));
  EXPECT_FALSE(HoldEvent(catch_up, 8));
  EXPECT_FALSE(HoldEvent(catch_up, 9)) << "it would leave a hole";
  EXPECT_LE(catch_up.held_bytes(), 4u);
  catch_up.OnReplayEnded();
  EXPECT_THAT(Split(catch_up.EndRound()), ElementsAre("6", "7"));
  EXPECT_FALSE(catch_up.caught_up());
  EXPECT_FALSE(catch_up.in_round());
  EXPECT_EQ(catch_up.after(), "7");
}

TEST(CatchUpTest, ABrokenRoundBeginsAgainAfterTheLastEventGiven) {
  CatchUp catch_up("3", 100);
  catch_up.BeginRound("9");
  HoldEvent(catch_up, 10);
  catch_up.OnReplayed(Batch({4, 6, 8}));
  EXPECT_THAT(TakeAll(catch_up, 2), ElementsAre("4", "6"));
  catch_up.Abandon();
  EXPECT_EQ(catch_up.after(), "6");
  EXPECT_THAT(TakeAll(catch_up), IsEmpty());
  EXPECT_FALSE(HoldEvent(catch_up, 11));
  catch_up.BeginRound("11");
  catch_up.OnReplayed(Batch({8, 10, 11}));
  EXPECT_THAT(TakeAll(catch_up), ElementsAre("8", "10", "11"));
  catch_up.OnReplayEnded();
  EXPECT_THAT(catch_up.EndRound(), IsEmpty());
  EXPECT_TRUE(catch_up.caught_up());
}

TEST(CatchUpTest, ARoundAbandonedAfterItsReplayBeginsAgainBehindIt) {
  CatchUp catch_up("3", 100);
  catch_up.BeginRound("9");
  catch_up.OnReplayed(Batch({4}));
  TakeAll(catch_up);
  catch_up.OnReplayEnded();
  catch_up.Abandon();
  EXPECT_EQ(catch_up.after(), "9");
}

TEST(CatchUpTest, WhatIsNotWantedAnyMoreIsPassedOver) {
  CatchUp catch_up("3", 100);
  catch_up.BeginRound("9");
  HoldEvent(catch_up, 10);
  catch_up.OnReplayed(Batch({4, 5, 6, 7}, {{4, {1}}, {5, {2}}, {6, {1, 2}}, {7, {2}}}));
  catch_up.Remove(2);
  catch_up.DropHeld();
  EXPECT_THAT(TakeAll(catch_up), ElementsAre("4", "6"));
  EXPECT_FALSE(HoldEvent(catch_up, 11));
  catch_up.OnReplayEnded();
  EXPECT_THAT(catch_up.EndRound(), IsEmpty());
  EXPECT_FALSE(catch_up.caught_up());
  EXPECT_EQ(catch_up.after(), "9") << "the next round brings again what was dropped";
  catch_up.BeginRound("11");
  catch_up.OnReplayed(Batch({10}, {{10, {2}}}));
  EXPECT_THAT(TakeAll(catch_up), ElementsAre("10")) << "ids are those of the replay at hand";
}

// A client of any speed, a replay of any speed that may break, events all the while: each is given
// once and in order.
TEST(CatchUpTest, GivesEachEventOnceAndInOrderWhateverHappens) {
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::mt19937 random(seed);
    const auto chance = [&](int percent) { return static_cast<int>(random() % 100) < percent; };
    CatchUp catch_up("0", 20);
    int handed_out = 1;
    int replay_next = 0;
    int replay_until = 0;
    std::vector<std::string> given;
    const auto give = [&](const std::vector<std::string>& frames) {
      given.insert(given.end(), frames.begin(), frames.end());
    };
    for (int step = 0; !catch_up.caught_up(); ++step) {
      ASSERT_LT(step, 5000);
      if (step < 500 && chance(50)) HoldEvent(catch_up, ++handed_out);
      give(TakeAll(catch_up, random() % 3));
      if (!catch_up.in_round()) {
        if (!chance(30)) continue;
        replay_next = std::stoi(catch_up.after()) + 1;
        replay_until = handed_out;
        catch_up.BeginRound(PositionOf(handed_out));
      } else if (chance(3)) {
        catch_up.Abandon();
      } else if (chance(3)) {
        catch_up.DropHeld();
      } else if (!catch_up.NextFrame().has_value()) {
        if (!catch_up.is_replaying()) {
          give(Split(catch_up.EndRound()));
        } else if (replay_next > replay_until) {
          catch_up.OnReplayEnded();
        } else {
          std::vector<int> events;
          while (replay_next <= replay_until && events.size() < 5) events.push_back(replay_next++);
          catch_up.OnReplayed(Batch(events));
        }
      }
      ASSERT_LE(catch_up.held_bytes(), 20u);
    }
    std::vector<std::string> expected;
    for (int event = 1; event <= handed_out; ++event) expected.push_back(absl::StrCat(event));
    ASSERT_EQ(given, expected) << seed;
  }
}

}  // namespace
}  // namespace carillon::facade
