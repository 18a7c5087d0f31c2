#include "tests/unit/log/event_log_contract.h"

#include <gmock/gmock.h>

#include "absl/strings/str_cat.h"
#include "broker/log/position.h"

namespace carillon::log {

using testing::ElementsAre;
using testing::IsEmpty;

std::vector<AppendOutcome> EventLogContract::Append(const TestEvents& events) {
  std::vector<AppendOutcome> outcomes(events.size());
  const absl::Status status =
      log().Append(events.get(), now_, absl::MakeSpan(outcomes), &committed_);
  EXPECT_TRUE(status.ok()) << status;
  return outcomes;
}

void EventLogContract::AppendKeys(const std::vector<std::string>& keys) {
  TestEvents events;
  for (const std::string& key : keys) events.Add(key);
  Append(events);
}

void EventLogContract::AppendMany(int count, int per_commit, absl::string_view object) {
  for (int i = 0; i < count;) {
    TestEvents events;
    for (int end = std::min(count, i + per_commit); i < end; ++i) {
      events.Add(absl::StrCat(i), absl::StrCat("id-", i), "fred", object);
    }
    Append(events);
  }
}

std::vector<std::string> EventLogContract::ReadKeys(uint64_t after, size_t bytes_hint) {
  std::vector<std::string> keys;
  for (;;) {
    const absl::StatusOr<EventBlockPtr> block = log().Read(after, bytes_hint);
    EXPECT_TRUE(block.ok()) << block.status();
    if (!block.ok() || *block == nullptr) return keys;
    EXPECT_EQ((*block)->first_sequence(), after + 1);
    for (std::string& key : KeysOf(**block)) keys.push_back(std::move(key));
    after = (*block)->last_sequence();
  }
}

void EventLogContract::Trim(const Retention& retention) {
  for (;;) {
    const absl::StatusOr<bool> more = log().TrimStep(retention, now_);
    ASSERT_TRUE(more.ok()) << more.status();
    if (!*more) return;
  }
}

TEST_P(EventLogContract, IsEmptyAtFirst) {
  EXPECT_EQ(log().bounds().first_sequence, 1u);
  EXPECT_EQ(log().bounds().last_sequence, 0u);
  EXPECT_EQ(log().bounds().record_bytes, 0u);
  EXPECT_THAT(ReadKeys(0), IsEmpty());
}

TEST_P(EventLogContract, NumbersEventsFromOneInTheOrderTheyCame) {
  const auto first = Append(TestEvents().Add("a").Add("b"));
  const auto second = Append(TestEvents().Add("c"));
  EXPECT_EQ(first[0].sequence, 1u);
  EXPECT_EQ(first[1].sequence, 2u);
  EXPECT_EQ(second[0].sequence, 3u);
  EXPECT_THAT(ReadKeys(0), ElementsAre("a", "b", "c"));
}

TEST_P(EventLogContract, AppendsNothingAsNothing) {
  Append(TestEvents());
  EXPECT_THAT(committed_, IsEmpty());
  EXPECT_EQ(log().bounds().last_sequence, 0u);
}

TEST_P(EventLogContract, HandsOutTheBlocksItCommittedAsAReaderGetsThem) {
  AppendKeys({"a", "b"});
  AppendKeys({"c"});
  uint64_t next = 1;
  for (const EventBlockPtr& block : committed_) {
    EXPECT_EQ(block->first_sequence(), next);
    for (size_t i = 0; i < block->size(); ++i, ++next) {
      const absl::StatusOr<EventBlockPtr> read = log().Read(next - 1, 1);
      ASSERT_TRUE(read.ok()) << read.status();
      EXPECT_EQ(block->record(i), (*read)->record(0));
    }
  }
  EXPECT_EQ(next, 4u);
}

TEST_P(EventLogContract, FillsInThePositionOfEachEvent) {
  AppendKeys({"a", "b"});
  const absl::StatusOr<EventBlockPtr> block = log().Read(0, 1 << 20);
  ASSERT_TRUE(block.ok()) << block.status();
  ASSERT_EQ((*block)->size(), 2u);
  for (size_t i = 0; i < 2; ++i) {
    EXPECT_EQ(ParseRecord((*block)->record(i)).position, PositionString({log().epoch(), i + 1}));
  }
}

TEST_P(EventLogContract, KeepsAnEventOfAnySizeVerbatim) {
  std::vector<std::string> objects;
  for (const size_t size : {0, 1, 100, 2000, 2050, 4096, 65000, 65536, 70000, 1 << 20, 3 << 20}) {
    objects.push_back(std::string(size, 'x'));
  }
  TestEvents events;
  for (const std::string& object : objects) events.Add("big", "", "fred", object);
  Append(events);
  home_->Reopen();
  for (size_t i = 0; i < objects.size(); ++i) {
    const absl::StatusOr<EventBlockPtr> block = log().Read(i, 1);
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ((*block)->size(), 1u);
    EXPECT_EQ(ParseRecord((*block)->record(0)).object, objects[i]);
  }
}

TEST_P(EventLogContract, StoresAnEventIdOnceAndAnswersWithTheFirstSequence) {
  Append(TestEvents().Add("a", "id-1"));
  committed_.clear();
  const auto outcomes = Append(TestEvents().Add("again", "id-1").Add("b", "id-2"));
  EXPECT_TRUE(outcomes[0].duplicate);
  EXPECT_EQ(outcomes[0].sequence, 1u);
  EXPECT_FALSE(outcomes[1].duplicate);
  EXPECT_EQ(outcomes[1].sequence, 2u);
  ASSERT_EQ(committed_.size(), 1u);
  EXPECT_THAT(KeysOf(*committed_[0]), ElementsAre("b"));
  EXPECT_THAT(ReadKeys(0), ElementsAre("a", "b"));
}

TEST_P(EventLogContract, StoresAnEventIdOnceWithinOneAppend) {
  const auto outcomes = Append(TestEvents().Add("a", "id").Add("again", "id").Add("b"));
  EXPECT_TRUE(outcomes[1].duplicate);
  EXPECT_EQ(outcomes[1].sequence, 1u);
  EXPECT_EQ(outcomes[2].sequence, 2u);
  EXPECT_THAT(ReadKeys(0), ElementsAre("a", "b"));
}

TEST_P(EventLogContract, CommitsNoBlockForDuplicatesAlone) {
  Append(TestEvents().Add("a", "id"));
  committed_.clear();
  Append(TestEvents().Add("again", "id"));
  EXPECT_THAT(committed_, IsEmpty());
  EXPECT_EQ(log().bounds().last_sequence, 1u);
}

TEST_P(EventLogContract, KeepsTheEventIdsOfPublishersApart) {
  Append(TestEvents().Add("a", "1", "fred").Add("b", "1", "ann"));
  // Run together these would be the same.
  Append(TestEvents().Add("c", "yz", "x").Add("d", "z", "xy"));
  Append(TestEvents().Add("e", absl::string_view("\0z", 2), "x").Add("f", "z", "x\0"));
  EXPECT_THAT(ReadKeys(0), ElementsAre("a", "b", "c", "d", "e", "f"));
}

TEST_P(EventLogContract, TakesPublishersAndEventIdsOfFullLength) {
  const std::string publisher(256, 'p');
  const std::string id(128, 'i');
  Append(TestEvents().Add("a", id, publisher));
  EXPECT_TRUE(Append(TestEvents().Add("again", id, publisher))[0].duplicate);
}

TEST_P(EventLogContract, RefusesPublishersAndEventIdsThatAreTooLongAndTheWholeAppend) {
  for (const TestEvents& events : {TestEvents().Add("a").Add("b", std::string(129, 'i'), "fred"),
                                   TestEvents().Add("a").Add("b", "id", std::string(257, 'p'))}) {
    std::vector<AppendOutcome> outcomes(events.size());
    EXPECT_EQ(log().Append(events.get(), now_, absl::MakeSpan(outcomes), &committed_).code(),
              absl::StatusCode::kInvalidArgument);
  }
  EXPECT_THAT(committed_, IsEmpty());
  EXPECT_THAT(ReadKeys(0), IsEmpty());
}

TEST_P(EventLogContract, ReadsFromAnyPlaceInTheMiddleOfACommitToo) {
  AppendMany(300, 100, std::string(1000, 'x'));
  std::vector<std::string> expected;
  for (int i = 0; i < 300; ++i) expected.push_back(absl::StrCat(i));
  for (const size_t after : {0, 1, 63, 64, 65, 99, 100, 101, 250, 298, 299}) {
    EXPECT_EQ(ReadKeys(after),
              std::vector<std::string>(expected.begin() + static_cast<long>(after), expected.end()))
        << after;
  }
}

TEST_P(EventLogContract, ReadsAsMuchAsFitsAndOneEventAtLeast) {
  AppendMany(200, 50, std::string(1000, 'x'));
  const absl::StatusOr<EventBlockPtr> one = log().Read(0, 1);
  ASSERT_TRUE(one.ok()) << one.status();
  EXPECT_EQ((*one)->size(), 1u);
  const size_t record_bytes = (*one)->bytes();
  const absl::StatusOr<EventBlockPtr> some = log().Read(5, record_bytes * 120);
  ASSERT_TRUE(some.ok()) << some.status();
  EXPECT_LE((*some)->bytes(), record_bytes * 120);
  EXPECT_GE((*some)->size(), 100u) << "reads must not end with a commit";
}

TEST_P(EventLogContract, ReadsNothingAtTheEndAndBeyond) {
  AppendKeys({"a"});
  for (const uint64_t after : {uint64_t{1}, uint64_t{2}, UINT64_MAX - 1, UINT64_MAX}) {
    const absl::StatusOr<EventBlockPtr> block = log().Read(after, 100);
    ASSERT_TRUE(block.ok()) << block.status();
    EXPECT_EQ(*block, nullptr);
  }
}

TEST_P(EventLogContract, CountsTheBytesOfItsRecords) {
  AppendKeys({"a", "bb"});
  EXPECT_EQ(log().bounds().record_bytes, MakeRecord("a").size() + MakeRecord("bb").size());
  home_->Reopen();
  EXPECT_EQ(log().bounds().record_bytes, MakeRecord("a").size() + MakeRecord("bb").size());
}

TEST_P(EventLogContract, IsTheSameAfterItWasReopened) {
  Append(TestEvents().Add("a", "id-a").Add("b"));
  const uint32_t epoch = log().epoch();
  home_->Reopen();
  EXPECT_EQ(log().epoch(), epoch);
  EXPECT_EQ(log().bounds().last_sequence, 2u);
  EXPECT_TRUE(Append(TestEvents().Add("again", "id-a"))[0].duplicate);
  EXPECT_EQ(Append(TestEvents().Add("c"))[0].sequence, 3u);
  EXPECT_THAT(ReadKeys(0), ElementsAre("a", "b", "c"));
}

TEST_P(EventLogContract, TrimsNothingWithinTheRetention) {
  AppendMany(100, 10);
  Trim({absl::Hours(1), log().bounds().record_bytes});
  EXPECT_EQ(log().bounds().first_sequence, 1u);
}

TEST_P(EventLogContract, TrimsWhatIsTooOldAndKeepsTheRest) {
  AppendMany(10, 10);
  now_ += absl::Hours(1);
  AppendKeys({"young"});
  Trim({absl::Hours(1), UINT64_MAX});
  EXPECT_EQ(log().bounds().first_sequence, 1u) << "not older than the limit yet";
  now_ += absl::Seconds(1);
  Trim({absl::Hours(1), UINT64_MAX});
  EXPECT_EQ(log().bounds().first_sequence, 11u);
  EXPECT_THAT(ReadKeys(10), ElementsAre("young"));
}

TEST_P(EventLogContract, TrimsWhatIsTooMuchAndKeepsTheNewest) {
  AppendMany(2000, 20, std::string(1000, 'x'));
  const LogBounds before = log().bounds();
  const uint64_t limit = before.record_bytes / 2;
  Trim({absl::InfiniteDuration(), limit});
  const LogBounds after = log().bounds();
  EXPECT_EQ(after.last_sequence, before.last_sequence);
  EXPECT_GE(after.record_bytes, limit);
  EXPECT_LE(after.record_bytes, limit + (128 << 10)) << "only a block more than the limit";
  EXPECT_EQ(ReadKeys(after.first_sequence - 1).size(),
            after.last_sequence - after.first_sequence + 1);
}

TEST_P(EventLogContract, TrimsALotInSteps) {
  const std::string object(60'000, 'x');
  AppendMany(1000, 50, object);
  int steps = 1;
  for (;; ++steps) {
    const uint64_t before = log().bounds().record_bytes;
    const absl::StatusOr<bool> more = log().TrimStep({absl::InfiniteDuration(), 0}, now_);
    ASSERT_TRUE(more.ok()) << more.status();
    EXPECT_LE(before - log().bounds().record_bytes, 32u << 20);
    if (!*more) break;
  }
  EXPECT_GT(steps, 1);
  EXPECT_EQ(log().bounds().record_bytes, 0u);
}

TEST_P(EventLogContract, TellsAReaderThatItsEventsAreGone) {
  AppendMany(100, 10);
  now_ += absl::Hours(2);
  AppendKeys({"young"});
  Trim({absl::Hours(1), UINT64_MAX});
  for (const uint64_t after : {0, 1, 50, 99}) {
    EXPECT_EQ(log().Read(after, 100).status().code(), absl::StatusCode::kOutOfRange) << after;
  }
  EXPECT_THAT(ReadKeys(100), ElementsAre("young"));
}

TEST_P(EventLogContract, ForgetsTheEventIdsOfTrimmedEventsAndNoOthers) {
  Append(TestEvents().Add("old", "old-id"));
  now_ += absl::Hours(2);
  Append(TestEvents().Add("young", "young-id"));
  Trim({absl::Hours(1), UINT64_MAX});
  const auto outcomes = Append(TestEvents().Add("a", "old-id").Add("b", "young-id"));
  EXPECT_FALSE(outcomes[0].duplicate);
  EXPECT_EQ(outcomes[0].sequence, 3u);
  EXPECT_TRUE(outcomes[1].duplicate);
  EXPECT_EQ(outcomes[1].sequence, 2u);
}

TEST_P(EventLogContract, GoesOnCountingWhenAllEventsAreGone) {
  AppendMany(10, 3);
  Trim({absl::InfiniteDuration(), 0});
  for (int round = 0; round < 2; ++round) {
    EXPECT_EQ(log().bounds().first_sequence, 11u);
    EXPECT_EQ(log().bounds().last_sequence, 10u);
    EXPECT_EQ(log().bounds().record_bytes, 0u);
    EXPECT_EQ(log().Read(9, 100).status().code(), absl::StatusCode::kOutOfRange);
    EXPECT_THAT(ReadKeys(10), IsEmpty());
    home_->Reopen();
  }
  AppendKeys({"next"});
  home_->Reopen();
  EXPECT_EQ(log().bounds().first_sequence, 11u);
  EXPECT_EQ(log().bounds().record_bytes, MakeRecord("next").size());
  EXPECT_THAT(ReadKeys(10), ElementsAre("next"));
}

}  // namespace carillon::log
