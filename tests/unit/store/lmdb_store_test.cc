#include "broker/store/lmdb_store.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "tests/unit/log/test_events.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::store {
namespace {

using testing::AllOf;
using testing::HasSubstr;

constexpr uint64_t kMapBytes = 16 << 20;

mode_t ModeOf(const std::string& path) {
  struct stat info = {};
  EXPECT_EQ(stat(path.c_str(), &info), 0) << path;
  return info.st_mode & 0777;
}

absl::Status OpenAndClose(const std::string& directory) {
  return LmdbStore::Open({directory, kMapBytes}).status();
}

// Changes what is in the store's file without the store.
void ChangeFile(const std::string& directory, Environment::Body change) {
  auto environment = Environment::Open(directory + "/store.mdb", kMapBytes);
  ASSERT_TRUE(environment.ok()) << environment.status();
  const absl::Status status = (*environment)->Write(change);
  ASSERT_TRUE(status.ok()) << status;
}

absl::Status AppendOne(LmdbStore& store, const std::string& object) {
  log::TestEvents events;
  events.Add("key", "", "fred", object);
  std::vector<log::AppendOutcome> outcomes(1);
  std::vector<log::EventBlockPtr> committed;
  return store.event_log()->Append(events.get(), absl::Now(), absl::MakeSpan(outcomes), &committed);
}

TEST(LmdbStore, CreatesItsDirectoryForItselfAlone) {
  TempDirectory parent;
  for (const std::string& directory :
       {parent.path() + "/a", parent.path() + "/b/c/", parent.path() + "/d/../e"}) {
    ASSERT_TRUE(OpenAndClose(directory).ok()) << directory;
    EXPECT_EQ(ModeOf(directory), 0700u);
    EXPECT_EQ(ModeOf(directory + "/store.mdb"), 0600u);
  }
}

TEST(LmdbStore, RefusesASecondBrokerAndNamesTheFirst) {
  TempDirectory directory;
  auto first = LmdbStore::Open({directory.path(), kMapBytes});
  ASSERT_TRUE(first.ok()) << first.status();
  const absl::Status second = OpenAndClose(directory.path());
  EXPECT_EQ(second.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(second.message(),
              AllOf(HasSubstr(absl::StrCat("process ", getpid())), HasSubstr(directory.path())));
  first->reset();
  EXPECT_TRUE(OpenAndClose(directory.path()).ok());
}

TEST(LmdbStore, RefusesAFormatItDoesNotKnow) {
  TempDirectory directory;
  ASSERT_TRUE(OpenAndClose(directory.path()).ok());
  ChangeFile(directory.path(), [](Transaction& txn) {
    MDB_dbi meta;
    EXPECT_EQ(mdb_dbi_open(txn.get(), "meta", 0, &meta), MDB_SUCCESS);
    return txn.Put(meta, kFormatKey, absl::string_view("\x07\0\0\0", 4));
  });
  const absl::Status status = OpenAndClose(directory.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), AllOf(HasSubstr("format 7"), HasSubstr(directory.path())));
}

TEST(LmdbStore, RefusesAnLmdbFileOfSomethingElse) {
  TempDirectory directory;
  ChangeFile(directory.path(), [](Transaction& txn) {
    MDB_dbi table;
    EXPECT_EQ(mdb_dbi_open(txn.get(), "recipes", MDB_CREATE, &table), MDB_SUCCESS);
    return absl::OkStatus();
  });
  const absl::Status status = OpenAndClose(directory.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("not a store of this program"));
}

TEST(LmdbStore, RefusesAFileThatIsNotOfLmdb) {
  TempDirectory directory;
  std::ofstream(directory.path() + "/store.mdb") << std::string(10'000, 'x');
  const absl::Status status = OpenAndClose(directory.path());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_THAT(status.message(), HasSubstr("not a store of this program"));
}

TEST(LmdbStore, RefusesADirectoryThatIsAFile) {
  TempDirectory directory;
  const std::string path = directory.path() + "/file";
  std::ofstream(path) << "x";
  EXPECT_EQ(OpenAndClose(path).code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_FALSE(OpenAndClose(path + "/below").ok());
}

TEST(LmdbStore, DrawsAnEpochForEachStoreAndKeepsIt) {
  TempDirectory a, b;
  uint32_t epoch_a, epoch_b;
  {
    auto store = LmdbStore::Open({a.path(), kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    epoch_a = (*store)->event_log()->epoch();
  }
  {
    auto store = LmdbStore::Open({b.path(), kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    epoch_b = (*store)->event_log()->epoch();
  }
  EXPECT_NE(epoch_a, epoch_b);
  auto store = LmdbStore::Open({a.path(), kMapBytes});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->event_log()->epoch(), epoch_a);
}

TEST(LmdbStore, OpensWithASmallerMapThanItsFile) {
  TempDirectory directory;
  {
    auto store = LmdbStore::Open({directory.path(), kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(AppendOne(**store, std::string(1 << 20, 'x')).ok());
  }
  auto store = LmdbStore::Open({directory.path(), 1 << 20});
  ASSERT_TRUE(store.ok()) << store.status();
  EXPECT_EQ((*store)->event_log()->bounds().last_sequence, 4u);
  EXPECT_TRUE((*store)->event_log()->Read(3, 1).ok());
}

// Needs the right to mount, which the machines that run all tests have.
TEST(LmdbStore, GoesOnWhenTheDiskWasFullAndHasRoomAgain) {
  TempDirectory directory;
  if (mount("tmpfs", directory.path().c_str(), "tmpfs", 0, "size=2m") != 0) {
    GTEST_SKIP() << "may not mount a small disk";
  }
  {
    auto store = LmdbStore::Open({directory.path(), kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    absl::Status status;
    uint64_t appended = 0;
    for (; status.ok(); ++appended) status = AppendOne(**store, std::string(5'000, 'x'));
    EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted) << status;
    EXPECT_THAT(status.message(), HasSubstr("the disk is full"));
    EXPECT_EQ((*store)->event_log()->bounds().last_sequence, appended - 1);
    ASSERT_EQ(mount("tmpfs", directory.path().c_str(), "tmpfs", MS_REMOUNT, "size=8m"), 0);
    status = AppendOne(**store, std::string(5'000, 'x'));
    EXPECT_TRUE(status.ok()) << status;
    EXPECT_EQ((*store)->event_log()->bounds().last_sequence, appended);
  }
  umount(directory.path().c_str());
}

TEST(MapBytesFor, IsAMultipleOfAPageAndHasALimit) {
  for (const uint64_t log_bytes : {uint64_t{0}, uint64_t{1}, uint64_t{1'000'000'007}, UINT64_MAX}) {
    EXPECT_EQ(MapBytesFor(log_bytes) % 4096, 0u);
    EXPECT_LE(MapBytesFor(log_bytes), uint64_t{64} << 40);
  }
  EXPECT_GT(MapBytesFor(uint64_t{1} << 30), uint64_t{4} << 30);
}

}  // namespace
}  // namespace carillon::store
