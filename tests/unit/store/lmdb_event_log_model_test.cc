// Random operations on the LMDB log and on a list of events, which must agree all the time.
#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <random>

#include "absl/strings/str_cat.h"
#include "broker/store/lmdb_store.h"
#include "tests/unit/log/test_events.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::store {
namespace {

constexpr uint64_t kMapBytes = 256 << 20;

class Model : public testing::TestWithParam<uint32_t> {
 protected:
  Model() : random_(GetParam()) { Open(); }

  void Open() {
    store_.reset();
    auto store = LmdbStore::Open({directory_.path(), kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  log::EventLog& log() { return *store_->event_log(); }
  uint32_t Random(uint32_t below) { return random_() % below; }
  uint64_t first() const { return next_ - events_.size(); }

  std::string RandomObject() {
    switch (Random(20)) {
      case 0:
        return std::string(Random(200'000), 'x');
      case 1:
      case 2:
        return std::string(Random(5'000), 'x');
      default:
        return std::string(Random(300), 'x');
    }
  }

  void Append() {
    log::TestEvents events;
    std::vector<log::AppendOutcome> expected;
    for (uint32_t count = 1 + Random(Random(5) == 0 ? 300 : 8); count > 0; --count) {
      // Few enough ids that many come again.
      const std::string id = Random(3) == 0 ? "" : absl::StrCat("id-", Random(3'000));
      const std::string publisher = absl::StrCat("publisher-", Random(3));
      const std::string key = absl::StrCat("key-", ++keys_);
      events.Add(key, id, publisher, RandomObject());
      const auto known = id.empty() ? ids_.end() : ids_.find({publisher, id});
      if (known != ids_.end()) {
        expected.push_back({known->second, true});
        continue;
      }
      expected.push_back({next_, false});
      if (!id.empty()) ids_[{publisher, id}] = next_;
      events_.push_back({key, publisher, id, now_, events.get().back().record.size()});
      bytes_ += events_.back().record_bytes;
      ++next_;
    }
    std::vector<log::AppendOutcome> outcomes(events.size());
    std::vector<log::EventBlockPtr> committed;
    const absl::Status status =
        log().Append(events.get(), now_, absl::MakeSpan(outcomes), &committed);
    ASSERT_TRUE(status.ok()) << status;
    for (size_t i = 0; i < outcomes.size(); ++i) {
      ASSERT_EQ(outcomes[i].sequence, expected[i].sequence);
      ASSERT_EQ(outcomes[i].duplicate, expected[i].duplicate);
    }
    for (const log::EventBlockPtr& block : committed) ExpectEvents(*block);
  }

  void Read() {
    const uint64_t span = events_.size() + 10;
    const uint64_t after = first() - std::min<uint64_t>(first(), 5) + random_() % span;
    const size_t bytes_hint = 1 + Random(Random(2) == 0 ? 1'000 : 500'000);
    const absl::StatusOr<log::EventBlockPtr> block = log().Read(after, bytes_hint);
    if (after + 1 < first() && after + 1 < next_) {
      ASSERT_EQ(block.status().code(), absl::StatusCode::kOutOfRange) << after;
      return;
    }
    ASSERT_TRUE(block.ok()) << block.status();
    ASSERT_EQ(*block == nullptr, after + 1 >= next_);
    if (*block == nullptr) return;
    ASSERT_EQ((*block)->first_sequence(), after + 1);
    ASSERT_TRUE((*block)->bytes() <= bytes_hint || (*block)->size() == 1);
    ExpectEvents(**block);
    if ((*block)->last_sequence() + 1 == next_) return;
    const size_t with_next =
        (*block)->bytes() + EventAt((*block)->last_sequence() + 1).record_bytes;
    ASSERT_GT(with_next, bytes_hint) << "one more would have fitted";
  }

  void Trim() {
    const log::Retention retention{
        Random(2) == 0 ? absl::InfiniteDuration() : absl::Seconds(100 + Random(2'000)),
        Random(2) == 0 ? UINT64_MAX : bytes_ / 2 + random_() % (bytes_ / 2 + 1)};
    const absl::StatusOr<bool> more = log().TrimStep(retention, now_);
    ASSERT_TRUE(more.ok()) << more.status();
    const log::LogBounds bounds = log().bounds();
    while (first() < bounds.first_sequence) {
      // Every event that went may have gone.
      const Event& oldest = events_.front();
      const bool too_old = now_ - oldest.commit_time > retention.age_max;
      const bool too_much = bytes_ - oldest.record_bytes >= retention.bytes_max;
      ASSERT_TRUE(too_old || too_much);
      bytes_ -= oldest.record_bytes;
      if (!oldest.id.empty()) ids_.erase({oldest.publisher, oldest.id});
      events_.pop_front();
    }
    if (*more || events_.empty()) return;
    EXPECT_LE(now_ - events_.front().commit_time, retention.age_max);
  }

  void CheckBounds() {
    const log::LogBounds bounds = log().bounds();
    ASSERT_EQ(bounds.first_sequence, first());
    ASSERT_EQ(bounds.last_sequence, next_ - 1);
    ASSERT_EQ(bounds.record_bytes, bytes_);
  }

  std::mt19937 random_;
  absl::Time now_ = absl::FromUnixSeconds(1'700'000'000);

 private:
  struct Event {
    std::string key, publisher, id;
    absl::Time commit_time;
    size_t record_bytes;
  };

  const Event& EventAt(uint64_t sequence) const { return events_[sequence - first()]; }

  void ExpectEvents(const log::EventBlock& block) {
    for (size_t i = 0; i < block.size(); ++i) {
      const Event& expected = EventAt(block.first_sequence() + i);
      const wire::EventView event = log::ParseRecord(block.record(i));
      ASSERT_EQ(event.key, expected.key);
      ASSERT_EQ(event.event_id, expected.id);
      ASSERT_EQ(block.record(i).size(), expected.record_bytes);
    }
  }

  TempDirectory directory_;
  std::unique_ptr<LmdbStore> store_;
  // What the log must hold.
  std::deque<Event> events_;
  std::map<std::pair<std::string, std::string>, uint64_t> ids_;
  uint64_t next_ = 1;
  uint64_t bytes_ = 0;
  int keys_ = 0;
};

TEST_P(Model, AgreesAfterEveryOperation) {
  for (int step = 0; step < 1'500; ++step) {
    now_ += absl::Seconds(Random(10));
    const uint32_t choice = Random(100);
    if (choice < 40) {
      Append();
    } else if (choice < 90) {
      Read();
    } else if (choice < 99) {
      Trim();
    } else {
      Open();
    }
    if (!HasFatalFailure()) CheckBounds();
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, Model, testing::Values(1, 2, 3, 4));

}  // namespace
}  // namespace carillon::store
