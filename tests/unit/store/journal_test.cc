#include "broker/store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "broker/store/block_format.h"
#include "tests/unit/log/test_events.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::store {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr uint32_t kEpoch = 7;

class JournalTest : public testing::Test {
 protected:
  JournalTest() { Open(); }

  void Open(uint32_t epoch = kEpoch) {
    journal_ = nullptr;
    auto journal = Journal::Open(path_, epoch);
    ASSERT_TRUE(journal.ok()) << journal.status();
    journal_ = *std::move(journal);
  }

  // Events from `sequence` on, of which the second has an event id.
  static Journal::Frame MakeFrame(uint64_t sequence, int count, const std::string& object = "") {
    log::TestEvents events;
    for (int i = 0; i < count; ++i) events.Add(absl::StrCat(sequence + i), "", "fred", object);
    BlockBuilder builder(log::Position{kEpoch, sequence});
    for (int i = 0; i < count; ++i) {
      builder.Add(events.get()[i].record, i == 1 ? EventIdKey("fred", "id") : "");
    }
    Journal::Frame frame;
    frame.first_sequence = sequence;
    frame.next_sequence = sequence + count;
    frame.block.resize(builder.value_bytes());
    builder.WriteTo(frame.block.data(), absl::UnixEpoch(), 0);
    if (count > 1) frame.id_events = {1};
    return frame;
  }

  void Append(uint64_t sequence, int count, const std::string& object = "") {
    const absl::Status status = journal_->Append(MakeFrame(sequence, count, object), sequence);
    ASSERT_TRUE(status.ok()) << status;
  }

  static size_t FrameBytes(const Journal::Frame& frame) {
    return 24 + frame.block.size() + 4 * frame.id_events.size();
  }

  // Appends single large events until no more of them go into a half that was empty.
  void FillHalf(uint64_t stored_end = 1'000) {
    const Journal::Frame first = MakeFrame(1'000, 1, large_);
    for (size_t i = 0; i < Journal::kHalfBytes / FrameBytes(first); ++i) {
      ASSERT_TRUE(journal_->Append(MakeFrame(next_++, 1, large_), stored_end).ok());
    }
  }
  // For another large event.
  bool HasRoom(uint64_t stored_end) const {
    return journal_->HasRoomFor(next_, MakeFrame(next_, 1, large_).block.size(), 0, stored_end);
  }

  // The first sequences of the frames that count.
  std::vector<uint64_t> Recover(uint64_t stored_end) {
    Open();
    const auto frames = journal_->Recover(stored_end);
    EXPECT_TRUE(frames.ok()) << frames.status();
    std::vector<uint64_t> sequences;
    for (const Journal::Frame& frame : *frames) sequences.push_back(frame.first_sequence);
    return sequences;
  }

  std::string ReadFile() const {
    std::ifstream file(path_, std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void WriteFile(const std::string& bytes) const {
    std::ofstream(path_, std::ios::binary) << bytes;
  }

  TempDirectory directory_;
  const std::string path_ = directory_.path() + "/journal";
  std::unique_ptr<Journal> journal_;
  const std::string large_ = std::string(10'000, 'x');
  // The next event of FillHalf.
  uint64_t next_ = 1'000;
};

TEST_F(JournalTest, BeginsEmptyAndOfItsFullSize) {
  EXPECT_THAT(Recover(1), IsEmpty());
  EXPECT_EQ(std::filesystem::file_size(path_), Journal::kBytes);
  struct stat file;
  ASSERT_EQ(stat(path_.c_str(), &file), 0);
  EXPECT_EQ(file.st_mode & 0777, 0600u);
}

TEST_F(JournalTest, GivesBackWhatWasAppended) {
  Append(5, 1);
  Append(6, 3);
  Open();
  const auto frames = journal_->Recover(5);
  ASSERT_TRUE(frames.ok()) << frames.status();
  ASSERT_EQ(frames->size(), 2u);
  EXPECT_EQ((*frames)[1].first_sequence, 6u);
  EXPECT_EQ((*frames)[1].block, MakeFrame(6, 3).block);
  EXPECT_THAT((*frames)[1].id_events, ElementsAre(1));
  EXPECT_THAT((*frames)[0].id_events, IsEmpty());
}

TEST_F(JournalTest, GoesOnBehindWhatItGaveBack) {
  Append(1, 2);
  EXPECT_THAT(Recover(1), ElementsAre(1));
  Append(3, 2);
  EXPECT_THAT(Recover(1), ElementsAre(1, 3));
}

TEST_F(JournalTest, WhatIsInTheStoreDoesNotComeBack) {
  Append(1, 1);
  Append(2, 1);
  Append(3, 1);
  EXPECT_THAT(Recover(3), ElementsAre(3));
  EXPECT_THAT(Recover(4), IsEmpty());
  Append(4, 1);
  EXPECT_THAT(Recover(4), ElementsAre(4));
  EXPECT_THAT(Recover(5), IsEmpty());
}

TEST_F(JournalTest, GoesOnWhereTheStoreHasGotEventsOfItsOwn) {
  // The store takes 2 to 4, 6 to 8, and so on.
  for (uint64_t sequence : {1, 5, 9, 13}) {
    Append(sequence, 1);
    EXPECT_THAT(Recover(sequence + 4), IsEmpty());
    EXPECT_THAT(Recover(sequence + 1), IsEmpty());
    EXPECT_THAT(Recover(sequence), ElementsAre(sequence));
  }
  Append(14, 1);
  EXPECT_THAT(Recover(13), ElementsAre(13, 14));
}

TEST_F(JournalTest, AFrameThatWasNotWrittenWholeIsNone) {
  Append(1, 1);
  Append(2, 2);
  const std::string whole = ReadFile();
  const size_t begin = 24 + MakeFrame(1, 1).block.size();
  const size_t end = begin + 24 + MakeFrame(2, 2).block.size() + 4;
  for (size_t i = begin; i < end; ++i) {
    std::string torn = whole;
    torn[i] = static_cast<char>(torn[i] ^ 0x10);
    WriteFile(torn);
    ASSERT_THAT(Recover(1), ElementsAre(1)) << i;
  }
  WriteFile(whole);
  EXPECT_THAT(Recover(1), ElementsAre(1, 2));
}

TEST_F(JournalTest, AFileThatWasCutIsMadeWholeAgain) {
  Append(1, 1);
  std::filesystem::resize_file(path_, 4096);
  EXPECT_THAT(Recover(1), ElementsAre(1));
  EXPECT_EQ(std::filesystem::file_size(path_), Journal::kBytes);
}

TEST_F(JournalTest, WithAnotherStoreItIsRefused) {
  Append(1, 1);
  Open(kEpoch + 1);
  const absl::Status status = journal_->Recover(1).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("another store"));
  Open();
  EXPECT_TRUE(journal_->Erase().ok());
  Open(kEpoch + 1);
  EXPECT_TRUE(journal_->Recover(1).ok());
}

TEST_F(JournalTest, ADamagedFrameBeforeOthersIsNotPassedOver) {
  for (uint64_t sequence : {1, 2, 3}) Append(sequence, 1);
  const std::string whole = ReadFile();
  const size_t size = 24 + MakeFrame(1, 1).block.size();
  for (size_t at : {size_t{0}, size / 2, size, size + 4, 2 * size - 1}) {
    std::string damaged = whole;
    damaged[at] = static_cast<char>(damaged[at] ^ 1);
    WriteFile(damaged);
    Open();
    const absl::Status status = journal_->Recover(1).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << at << " " << status;
    EXPECT_THAT(status.message(), HasSubstr("remove the journal"));
    EXPECT_THAT(status.message(), HasSubstr(at < size ? "event 1 " : "event 2 "));
    EXPECT_EQ(ReadFile(), damaged);
  }
}

TEST_F(JournalTest, ErasedItHoldsNothingWhateverTheStoreHas) {
  Append(1, 1);
  Append(2, 1);
  ASSERT_TRUE(journal_->Erase().ok());
  EXPECT_THAT(Recover(3), IsEmpty());
  Append(3, 1);
  EXPECT_THAT(Recover(3), ElementsAre(3));
}

TEST_F(JournalTest, WithAnOlderStoreItIsRefused) {
  Append(10, 1);
  Open();
  const absl::Status status = journal_->Recover(8).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("event 10"));
  EXPECT_THAT(status.message(), HasSubstr("event 8"));
  EXPECT_THAT(status.message(), HasSubstr("same backup"));
}

TEST_F(JournalTest, AFullHalfIsLeftForTheOther) {
  const uint64_t first = next_;
  FillHalf();
  const uint64_t second = next_;
  EXPECT_TRUE(HasRoom(first)) << "the other one is empty";
  FillHalf();
  EXPECT_EQ(std::filesystem::file_size(path_), Journal::kBytes);
  EXPECT_THAT(Recover(next_), IsEmpty());
  EXPECT_THAT(Recover(next_ - 1), ElementsAre(next_ - 1));
  EXPECT_EQ(Recover(first + 5).size(), next_ - first - 5);
  const std::vector<uint64_t> recovered = Recover(first);
  ASSERT_EQ(recovered.size(), next_ - first);
  for (size_t i = 0; i < recovered.size(); ++i) EXPECT_EQ(recovered[i], first + i);
  // Before and after the store has got all that is in the first one.
  EXPECT_FALSE(HasRoom(second - 1));
  ASSERT_TRUE(HasRoom(second));
  const uint64_t third = next_;
  FillHalf(second);
  EXPECT_FALSE(HasRoom(third - 1));
  EXPECT_TRUE(HasRoom(third));
  EXPECT_EQ(Recover(second).size(), next_ - second);
  EXPECT_EQ(Recover(third).size(), next_ - third);
}

TEST_F(JournalTest, TakesNoFrameThatIsLargerThanAHalf) {
  EXPECT_TRUE(journal_->HasRoomFor(1, Journal::kHalfBytes - 24, 0, 1));
  EXPECT_FALSE(journal_->HasRoomFor(1, Journal::kHalfBytes - 23, 0, 1));
}

TEST_F(JournalTest, ItsHalvesAreToldApartFromDamage) {
  const uint64_t first = next_;
  FillHalf();
  const uint64_t second = next_;
  for (uint64_t i = 0; i < 2; ++i) {
    ASSERT_TRUE(journal_->Append(MakeFrame(second + i, 1, large_), first).ok());
  }
  const std::string whole = ReadFile();

  const size_t large = FrameBytes(MakeFrame(first, 1, large_));

  // The last append was not written whole.
  std::string torn = whole;
  torn[Journal::kHalfBytes + large + 30] ^= 1;
  WriteFile(torn);
  EXPECT_EQ(Recover(first).size(), second - first + 1);

  // There is another one behind what is damaged: the last of a half, the first of the other.
  const std::vector<std::pair<size_t, uint64_t>> places = {
      {(second - first - 1) * large + 30, second - 1}, {Journal::kHalfBytes + 30, second}};
  for (const auto& [at, sequence] : places) {
    std::string damaged = whole;
    damaged[at] ^= 1;
    WriteFile(damaged);
    Open();
    const absl::Status status = journal_->Recover(first).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss) << status;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr(absl::StrCat("event ", sequence, " should be")));
  }
}

// A frame lies there whole though its append failed, and the store then got something shorter.
TEST_F(JournalTest, AFrameThatTheStoreContradictsIsNothing) {
  Append(1, 1);
  Append(2, 20);
  EXPECT_THAT(Recover(3), IsEmpty());
  Append(3, 1);
  EXPECT_THAT(Recover(3), ElementsAre(3));
  Append(4, 1);
  EXPECT_THAT(Recover(3), ElementsAre(3, 4));
}

TEST_F(JournalTest, WhatAnotherStoreLeftBehindIsNotRefused) {
  Append(1, 1);
  Append(2, 1);
  ASSERT_TRUE(journal_->Erase().ok());
  Open(kEpoch + 1);
  ASSERT_TRUE(journal_->Recover(1).ok());
  // Just as long as the first one of the other store.
  Append(1, 1);
  Open(kEpoch + 1);
  const auto frames = journal_->Recover(1);
  ASSERT_TRUE(frames.ok()) << frames.status();
  EXPECT_EQ(frames->size(), 1u);
}

TEST_F(JournalTest, RandomBytesAreNoFrames) {
  std::string bytes(Journal::kBytes, '\0');
  uint32_t state = 1;
  for (char& c : bytes) {
    state = state * 1664525 + 1013904223;
    c = static_cast<char>(state >> 24);
  }
  WriteFile(bytes);
  EXPECT_THAT(Recover(1), IsEmpty());
}

TEST_F(JournalTest, ADirectoryThatIsNotThereIsAnError) {
  const auto journal = Journal::Open(directory_.path() + "/none/journal", kEpoch);
  EXPECT_EQ(journal.status().code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(journal.status().message(), HasSubstr("none/journal"));
}

}  // namespace
}  // namespace carillon::store
