// A journal loses its power during any of its writes, of which then any sectors are on the disk.
// What was acknowledged, and is not in the store, comes back.
#include <gtest/gtest.h>

#include <cstring>
#include <deque>
#include <fstream>
#include <iterator>
#include <memory>
#include <random>
#include <string>

#include "absl/strings/str_cat.h"
#include "broker/store/block_format.h"
#include "broker/store/journal.h"
#include "tests/unit/log/test_events.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::store {
namespace {

constexpr uint32_t kEpoch = 7;
constexpr size_t kSectorBytes = 512;

class JournalModelTest : public testing::TestWithParam<uint32_t> {
 protected:
  JournalModelTest() : random_(GetParam()) { Open(); }

  void Step() {
    const uint32_t choice = random_() % 1'000;
    if (choice < 880) {
      Append();
    } else if (choice < 960) {
      StoreSome(random_() % (pending_.size() / 4 + 1));
    } else if (choice < 970) {
      StoreSome(pending_.size());
      stored_end_ += 1 + random_() % 5;  // And events of its own.
    } else if (choice < 975) {
      StoreSome(pending_.size());
      ASSERT_TRUE(journal_->Erase().ok());
    } else {
      Open();
    }
  }

  // Opens what is on the disk.
  void Open() {
    journal_ = nullptr;
    auto journal = Journal::Open(path_, kEpoch);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
    const auto frames = journal_->Recover(stored_end_);
    ASSERT_TRUE(frames.ok()) << frames.status();
    ASSERT_EQ(frames->size(), pending_.size());
    for (size_t i = 0; i < pending_.size(); ++i) {
      ASSERT_EQ((*frames)[i].first_sequence, pending_[i].first_sequence);
      ASSERT_EQ((*frames)[i].block, pending_[i].block);
    }
  }

  int torn_ = 0;
  int full_ = 0;

 private:
  // Half of the seeds have frames of one size: those of different ages then begin at the same
  // places.
  Journal::Frame MakeFrame() {
    const bool one_size = GetParam() % 2 == 1;
    const size_t count = one_size ? 1 : 1 + random_() % 3;
    const size_t object_bytes = one_size ? 18'000 : random_() % 18'000;
    Journal::Frame frame;
    frame.first_sequence = pending_.empty() ? stored_end_ : pending_.back().next_sequence;
    frame.next_sequence = frame.first_sequence + count;
    BlockBuilder builder(log::Position{kEpoch, frame.first_sequence});
    log::TestEvents events;
    const std::string object(object_bytes, static_cast<char>('a' + random_() % 26));
    for (size_t i = 0; i < count; ++i) events.Add(absl::StrCat("key", i), "", "fred", object);
    for (const log::NewEvent& event : events.get()) builder.Add(event.record, "");
    frame.block.resize(builder.value_bytes());
    builder.WriteTo(frame.block.data(), absl::UnixEpoch(), 0);
    return frame;
  }

  void Append() {
    Journal::Frame frame = MakeFrame();
    if (!journal_->HasRoomFor(frame.first_sequence, frame.block.size(), 0, stored_end_)) {
      ++full_;
      return StoreSome(pending_.size());
    }
    const bool power_fails = random_() % 25 == 0;
    const std::string before = power_fails ? ReadFile() : "";
    ASSERT_TRUE(journal_->Append(frame, stored_end_).ok());
    if (!power_fails || KeepSectors(before)) pending_.push_back(std::move(frame));
    if (power_fails) Open();
  }

  // Undoes some sectors of the last write. True: it undid none.
  bool KeepSectors(std::string disk) {
    const std::string after = ReadFile();
    const uint32_t keep_percent = std::vector<uint32_t>{0, 50, 90, 100}[random_() % 4];
    bool whole = true;
    for (size_t at = 0; at < disk.size(); at += kSectorBytes) {
      if (std::memcmp(&disk[at], &after[at], kSectorBytes) == 0) continue;
      if (random_() % 100 < keep_percent) {
        std::memcpy(&disk[at], &after[at], kSectorBytes);
      } else {
        whole = false;
      }
    }
    torn_ += whole ? 0 : 1;
    std::fstream(path_, std::ios::binary | std::ios::in | std::ios::out) << disk;
    return whole;
  }

  void StoreSome(size_t frames) {
    for (; frames > 0; --frames) {
      stored_end_ = pending_.front().next_sequence;
      pending_.pop_front();
    }
  }

  std::string ReadFile() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }

  TempDirectory directory_;
  const std::string path_ = directory_.path() + "/journal";
  std::mt19937 random_;
  std::unique_ptr<Journal> journal_;
  uint64_t stored_end_ = 1;
  // Acknowledged, and not in the store.
  std::deque<Journal::Frame> pending_;
};

INSTANTIATE_TEST_SUITE_P(Seeds, JournalModelTest, testing::Range(1u, 4u));

TEST_P(JournalModelTest, GivesBackWhatWasAcknowledgedAndNothingElse) {
  for (int step = 0; step < 500; ++step) {
    Step();
    ASSERT_FALSE(HasFatalFailure()) << "step " << step;
  }
  EXPECT_GT(torn_, 5);
  EXPECT_GT(full_, 0);
}

}  // namespace
}  // namespace carillon::store
