#include "broker/store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <string>
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
    frame.block.resize(builder.value_bytes());
    builder.WriteTo(frame.block.data(), absl::UnixEpoch(), 0);
    if (count > 1) frame.id_events = {1};
    return frame;
  }

  void Append(uint64_t sequence, int count) {
    const absl::Status status = journal_->Append(MakeFrame(sequence, count));
    ASSERT_TRUE(status.ok()) << status;
  }

  // The first sequences of the frames that count.
  std::vector<uint64_t> Recover(uint64_t next_sequence) {
    Open();
    const auto frames = journal_->Recover(next_sequence);
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
  EXPECT_THAT(Recover(4), IsEmpty());
  // The first of a new row is followed by the second of the one before.
  journal_->Clear();
  Append(4, 1);
  EXPECT_THAT(Recover(4), ElementsAre(4));
  EXPECT_THAT(Recover(5), IsEmpty());
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

TEST_F(JournalTest, TakesNoMoreThanItsSize) {
  uint64_t sequence = 1;
  const Journal::Frame first = MakeFrame(sequence, 2, std::string(10'000, 'x'));
  while (journal_->HasRoomFor(first.block.size(), first.id_events.size())) {
    ASSERT_TRUE(journal_->Append(MakeFrame(sequence, 2, std::string(10'000, 'x'))).ok());
    sequence += 2;
  }
  EXPECT_EQ(std::filesystem::file_size(path_), Journal::kBytes);
  EXPECT_GT(sequence, 100u);
  EXPECT_EQ(Recover(1).size(), (sequence - 1) / 2);
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
