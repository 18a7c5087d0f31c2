#include "broker/store/lmdb_event_log.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <system_error>
#include <thread>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/store/lmdb_store.h"
#include "tests/unit/log/event_log_contract.h"
#include "tests/unit/log/test_events.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::log {
namespace {

class LmdbHome : public EventLogHome {
 public:
  LmdbHome() { Open(); }

  EventLog* log() override { return store_->event_log(); }
  void Reopen() override {
    store_.reset();
    Open();
  }

 private:
  void Open() {
    auto store = store::LmdbStore::Open({directory_.path(), store::MapBytesFor(64 << 20)});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  store::TempDirectory directory_;
  std::unique_ptr<store::LmdbStore> store_;
};

std::unique_ptr<EventLogHome> MakeLmdbHome() { return std::make_unique<LmdbHome>(); }

INSTANTIATE_TEST_SUITE_P(Lmdb, EventLogContract, testing::Values(&MakeLmdbHome));

}  // namespace
}  // namespace carillon::log

namespace carillon::store {
namespace {

using testing::HasSubstr;

class LmdbEventLogTest : public testing::Test {
 protected:
  void Open(uint64_t map_bytes) {
    store_.reset();
    auto store = LmdbStore::Open({directory_.path(), map_bytes});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  log::EventLog& log() { return *store_->event_log(); }

  // Events with fresh event ids.
  absl::Status Append(int count, const std::string& object) {
    log::TestEvents events;
    for (int i = 0; i < count; ++i) {
      const uint64_t number = next_++;
      events.Add(absl::StrCat(number), absl::StrCat("id-", number), "fred", object);
    }
    std::vector<log::AppendOutcome> outcomes(events.size());
    std::vector<log::EventBlockPtr> committed;
    return log().Append(events.get(), absl::Now(), absl::MakeSpan(outcomes), &committed);
  }

  // Appends until the log is full, `events_per_commit` at a time.
  absl::Status Fill(int events_per_commit, const std::string& object) {
    for (;;) {
      const absl::Status status = Append(events_per_commit, object);
      if (!status.ok()) return status;
    }
  }

  void TrimTo(uint64_t bytes) {
    for (;;) {
      const absl::StatusOr<bool> more =
          log().TrimStep({absl::InfiniteDuration(), bytes}, absl::Now());
      ASSERT_TRUE(more.ok()) << more.status();
      if (!*more) return;
    }
  }

  // All events that the log says it holds can be read.
  void ExpectWhole() {
    const log::LogBounds bounds = log().bounds();
    uint64_t after = bounds.first_sequence - 1;
    uint64_t bytes = 0;
    while (after < bounds.last_sequence) {
      const absl::StatusOr<log::EventBlockPtr> block = log().Read(after, 100'000);
      ASSERT_TRUE(block.ok()) << block.status();
      ASSERT_EQ((*block)->first_sequence(), after + 1);
      after = (*block)->last_sequence();
      bytes += (*block)->bytes();
    }
    EXPECT_EQ(bytes, bounds.record_bytes);
  }

  // A copy of the files as they are.
  std::string CopyFiles() {
    const std::string copy = copies_.path() + "/" + absl::StrCat(++copy_count_);
    std::filesystem::copy(directory_.path(), copy);
    return copy;
  }

  TempDirectory directory_;
  TempDirectory copies_;
  std::unique_ptr<LmdbStore> store_;
  uint64_t next_ = 0;

 private:
  int copy_count_ = 0;
};

TEST_F(LmdbEventLogTest, RefusesEventsWhenItIsFullAndLosesNone) {
  Open(1 << 20);
  const absl::Status status = Fill(10, std::string(500, 'x'));
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(status.message(), HasSubstr("allow the log more bytes"));
  const log::LogBounds full = log().bounds();
  EXPECT_EQ(Append(10, std::string(500, 'x')).code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(log().bounds().last_sequence, full.last_sequence);
  ExpectWhole();
  // What the store cannot take is not passed over in silence.
  EXPECT_EQ(store_->Flush().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(log().TrimStep({}, absl::Now()).status().code(), absl::StatusCode::kResourceExhausted);
  Open(1 << 20);
  EXPECT_EQ(log().bounds().last_sequence, full.last_sequence);
  ExpectWhole();
}

TEST_F(LmdbEventLogTest, TakesAsMuchAgainHoweverOftenItWasFullAndTrimmed) {
  constexpr uint64_t kMapBytes = 1 << 20;
  Open(kMapBytes);
  // What the store has by itself: what else is held depends on how full the journal was.
  const auto stored_bytes = [this] {
    const std::string copy = CopyFiles();
    std::filesystem::remove(copy + "/journal");
    auto store = LmdbStore::Open({copy, kMapBytes});
    EXPECT_TRUE(store.ok()) << store.status();
    return (*store)->event_log()->bounds().record_bytes;
  };
  uint64_t stored_at_first = 0;
  for (int round = 0; round < 20; ++round) {
    // Blocks of other sizes each time, so that what is freed is not just what is needed.
    ASSERT_EQ(Fill(5 + round, std::string(500, 'x')).code(), absl::StatusCode::kResourceExhausted);
    const uint64_t held = log().bounds().record_bytes;
    const uint64_t stored = stored_bytes();
    if (round == 0) stored_at_first = stored;
    EXPECT_GT(stored, stored_at_first * 3 / 4) << "space is lost, round " << round;
    EXPECT_LT(held, kMapBytes * 5 / 4 + Journal::kBytes) << "the limit is gone, round " << round;
    TrimTo(held / 2);
    ASSERT_TRUE(Append(10, std::string(500, 'x')).ok()) << "round " << round;
    ExpectWhole();
  }
}

TEST_F(LmdbEventLogTest, OpensAgainAfterItWasTrimmedWhileItWasFull) {
  Open(1 << 20);
  ASSERT_FALSE(Fill(20, std::string(500, 'x')).ok());
  TrimTo(log().bounds().record_bytes * 9 / 10);
  ASSERT_FALSE(Fill(20, std::string(500, 'x')).ok());
  const log::LogBounds full = log().bounds();
  Open(1 << 20);
  EXPECT_EQ(log().bounds().last_sequence, full.last_sequence);
  EXPECT_EQ(Append(20, std::string(500, 'x')).code(), absl::StatusCode::kResourceExhausted);
  TrimTo(full.record_bytes / 2);
  EXPECT_TRUE(Append(20, std::string(500, 'x')).ok());
}

TEST_F(LmdbEventLogTest, CanBeEmptiedWhenItIsFullOfSmallEventsWithEventIds) {
  Open(1 << 20);
  ASSERT_EQ(Fill(20, "").code(), absl::StatusCode::kResourceExhausted);
  TrimTo(0);
  EXPECT_EQ(log().bounds().record_bytes, 0u);
  EXPECT_TRUE(Append(1, "").ok());
}

// What a machine that lost its power finds on its disk.
class PowerLossTest : public LmdbEventLogTest {
 protected:
  // Opens a copy of the files as they are, after `spoil` has been at it.
  void OpenCopy(const std::function<void(const std::string& directory)>& spoil) {
    const std::string copy = CopyFiles();
    spoil(copy);
    auto store = LmdbStore::Open({copy, kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }
  static void Nothing(const std::string&) {}
  // Of the files as they are, while the store is open.
  void ExpectTheSameInACopy() {
    const uint64_t last_sequence = log().bounds().last_sequence;
    std::unique_ptr<LmdbStore> original = std::move(store_);
    OpenCopy(&Nothing);
    ASSERT_EQ(log().bounds().last_sequence, last_sequence);
    ExpectWhole();
    store_ = std::move(original);
  }
  static std::string ReadJournal(const std::string& directory) {
    std::ifstream file(directory + "/journal", std::ios::binary);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  static void RemoveJournal(const std::string& directory) {
    std::filesystem::remove(directory + "/journal");
  }

  static constexpr uint64_t kMapBytes = 8 << 20;
};

TEST_F(PowerLossTest, SmallAppendsAreInTheJournalAndComeBack) {
  Open(kMapBytes);
  for (int i = 0; i < 20; ++i) ASSERT_TRUE(Append(3, "{}").ok());
  ExpectWhole();
  OpenCopy(&RemoveJournal);
  EXPECT_EQ(log().bounds().last_sequence, 0u) << "they were not in the journal alone";
  OpenCopy(&Nothing);
  EXPECT_EQ(log().bounds().last_sequence, 60u);
  ExpectWhole();
  // Their ids are known.
  next_ = 30;
  ASSERT_TRUE(Append(30, "{}").ok());
  EXPECT_EQ(log().bounds().last_sequence, 60u);
  // And so they are once the store has them.
  ASSERT_TRUE(log().TrimStep({}, absl::Now()).ok());
  next_ = 0;
  ASSERT_TRUE(Append(60, "{}").ok());
  EXPECT_EQ(log().bounds().last_sequence, 60u);
  ExpectWhole();
}

TEST_F(PowerLossTest, OnlyTheAppendThatWasNotWrittenWholeIsGone) {
  Open(kMapBytes);
  for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append(2, "{}").ok());
  const size_t size = ReadJournal(directory_.path()).find_last_not_of('\0') + 1;
  OpenCopy([size](const std::string& directory) {
    std::fstream file(directory + "/journal", std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(static_cast<std::streamoff>(size) - 20);
    file << std::string(10, '\x55');
  });
  EXPECT_EQ(log().bounds().last_sequence, 8u);
  ExpectWhole();
  next_ = 8;
  ASSERT_TRUE(Append(2, "{}").ok());
  EXPECT_EQ(log().bounds().last_sequence, 10u);
  ExpectWhole();
}

TEST_F(PowerLossTest, AtAnyMomentTheJournalGoesOnWhereTheStoreEnds) {
  Open(kMapBytes);
  for (int round = 0; round < 60; ++round) {
    // Of which some go to the store at once.
    ASSERT_TRUE(Append(1 + round % 5, std::string(round % 7 * 5'000, 'x')).ok());
    if (round % 11 == 0) ASSERT_TRUE(log().TrimStep({}, absl::Now()).ok());
    ASSERT_NO_FATAL_FAILURE(ExpectTheSameInACopy()) << "round " << round;
    ExpectWhole();
  }
}

TEST_F(PowerLossTest, NothingIsWrittenOverThatTheStoreHasNotGot) {
  Open(kMapBytes);
  // The journal is full more than once, and nobody trims.
  for (int round = 0; round < 60; ++round) {
    for (int i = 0; i < 5; ++i) ASSERT_TRUE(Append(10, std::string(1'000, 'x')).ok());
    ASSERT_NO_FATAL_FAILURE(ExpectTheSameInACopy()) << "round " << round;
  }
}

TEST_F(PowerLossTest, AJournalThatIsRefusedIsLeftAsItIs) {
  Open(kMapBytes);
  ASSERT_TRUE(Append(3, "{}").ok());
  const std::string copy = copies_.path() + "/mixed";
  std::filesystem::create_directory(copy);
  std::filesystem::copy(directory_.path() + "/journal", copy);
  const std::string before = ReadJournal(copy);
  // Its store is another one, made just now.
  EXPECT_EQ(LmdbStore::Open({copy, kMapBytes}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(ReadJournal(copy), before);
}

TEST_F(PowerLossTest, AfterAnOrderlyEndTheStoreHasEverything) {
  Open(kMapBytes);
  ASSERT_TRUE(Append(3, "{}").ok());
  store_ = nullptr;
  OpenCopy(&RemoveJournal);
  EXPECT_EQ(log().bounds().last_sequence, 3u);
  ExpectWhole();
}

TEST_F(PowerLossTest, WhatBecamePendingWhileTheStoreWasWrittenComesBack) {
  Open(kMapBytes);
  std::atomic<bool> done{false};
  std::thread trimmer([&] {
    while (!done) ASSERT_TRUE(log().TrimStep({}, absl::Now()).ok());
  });
  // More than the journal holds, so that its halves are written more than once.
  for (int i = 0; i < 400; ++i) {
    const absl::Status status = Append(10, std::string(1'000, 'x'));
    ASSERT_TRUE(status.ok()) << status;
  }
  done = true;
  trimmer.join();
  ASSERT_TRUE(Append(10, std::string(1'000, 'x')).ok());
  std::unique_ptr<LmdbStore> original = std::move(store_);
  OpenCopy(&RemoveJournal);
  EXPECT_LT(log().bounds().last_sequence, 4'010u);
  OpenCopy(&Nothing);
  EXPECT_EQ(log().bounds().last_sequence, 4'010u);
  ExpectWhole();
}

// The descriptor of a file that this process has open.
int DescriptorOf(const std::string& path) {
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/fd")) {
    std::error_code error;
    if (std::filesystem::read_symlink(entry, error) == path) {
      return std::stoi(entry.path().filename().string());
    }
  }
  return -1;
}

TEST_F(PowerLossTest, WithoutAJournalThatCanBeWrittenAppendsGoToTheStore) {
  Open(kMapBytes);
  ASSERT_TRUE(Append(3, "{}").ok());
  const int journal = DescriptorOf(directory_.path() + "/journal");
  ASSERT_GE(journal, 0);
  const int full = open("/dev/full", O_RDWR | O_CLOEXEC);
  ASSERT_GE(full, 0);
  ASSERT_EQ(dup2(full, journal), journal);
  close(full);
  ASSERT_TRUE(Append(3, "{}").ok());
  ASSERT_TRUE(Append(3, "{}").ok());
  // It is said once, and goes on without.
  const absl::Status told = log().TrimStep({}, absl::Now()).status();
  EXPECT_EQ(told.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(told.message()), HasSubstr("until the broker is started again"));
  EXPECT_TRUE(log().TrimStep({}, absl::Now()).ok());
  ExpectWhole();
  OpenCopy(&Nothing);
  EXPECT_EQ(log().bounds().last_sequence, 9u);
  ExpectWhole();
}

TEST_F(LmdbEventLogTest, WantsToBringIntoTheStoreWhatTheJournalHasNoRoomForSoon) {
  Open(8 << 20);
  EXPECT_FALSE(log().WantsTrimStep());
  size_t appended = 0;
  for (; !log().WantsTrimStep(); appended += 10'000) {
    ASSERT_LE(appended, Journal::kBytes / 2);
    ASSERT_TRUE(Append(10, std::string(1'000, 'x')).ok());
  }
  EXPECT_GE(appended, Journal::kBytes / 8);
  ASSERT_TRUE(log().TrimStep({}, absl::Now()).ok());
  EXPECT_FALSE(log().WantsTrimStep());
}

TEST_F(LmdbEventLogTest, LetsAccountsBeChangedWhenItIsFull) {
  Open(1 << 20);
  ASSERT_EQ(Fill(10, std::string(500, 'x')).code(), absl::StatusCode::kResourceExhausted);
  access::AccountChange change;
  change.kind = access::AccountChange::Kind::kPutUser;
  change.user.set_name("fred");
  change.user.set_secret(std::string(100'000, 's'));
  EXPECT_TRUE(store_->account_store()->Apply({change}).ok());
}

TEST_F(LmdbEventLogTest, IsReadByManyWhileItGrowsAndIsTrimmed) {
  Open(8 << 20);
  std::atomic<bool> done{false};
  std::atomic<uint64_t> events_read{0};
  std::vector<std::thread> readers;
  for (int i = 0; i < 3; ++i) {
    readers.emplace_back([&] {
      uint64_t after = 0;
      while (!done) {
        const absl::StatusOr<log::EventBlockPtr> block = log().Read(after, 10'000);
        if (absl::IsOutOfRange(block.status())) {
          after = log().bounds().first_sequence - 1;
          continue;
        }
        ASSERT_TRUE(block.ok()) << block.status();
        if (*block == nullptr) continue;
        ASSERT_EQ((*block)->first_sequence(), after + 1);
        for (const std::string& key : log::KeysOf(**block)) ASSERT_EQ(key, absl::StrCat(after++));
        events_read += (*block)->size();
      }
    });
  }
  std::thread trimmer([&] {
    while (!done) {
      ASSERT_TRUE(log().TrimStep({absl::InfiniteDuration(), 1 << 20}, absl::Now()).ok());
    }
  });
  for (int round = 0; round < 1'000 || events_read < 10'000; ++round) {
    // Some go to the store at once.
    const absl::Status status = Append(round % 10 == 0 ? 80 : 20, std::string(1000, 'x'));
    ASSERT_TRUE(status.ok()) << status;
    // An id that was just used, wherever it is by now.
    next_ -= 10;
    const uint64_t last_sequence = log().bounds().last_sequence;
    ASSERT_TRUE(Append(10, std::string(1000, 'x')).ok());
    ASSERT_EQ(log().bounds().last_sequence, last_sequence);
  }
  done = true;
  for (std::thread& reader : readers) reader.join();
  trimmer.join();
  ExpectWhole();
}

}  // namespace
}  // namespace carillon::store
