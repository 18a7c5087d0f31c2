#include "deploy/program/files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "tests/unit/program/scratch_folder.h"

namespace carillon::program {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

mode_t ModeOf(const std::string& path) {
  struct stat status = {};
  EXPECT_EQ(stat(path.c_str(), &status), 0);
  return status.st_mode & 0777;
}

TEST(FilesTest, AFileIsReadWhole) {
  const ScratchFolder folder;
  const std::string text = std::string(100'000, 'x') + std::string("\0\n", 2);
  EXPECT_EQ(*ReadFile(folder.Write("f", text)), text);
}

TEST(FilesTest, ErrorsNameTheFile) {
  const ScratchFolder folder;
  const absl::Status missing = ReadFile(folder.Path("f")).status();
  EXPECT_EQ(missing.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(std::string(missing.message()), HasSubstr(folder.Path("f")));
}

TEST(FilesTest, AFileLargerThanTheLimitIsRefused) {
  const ScratchFolder folder;
  EXPECT_TRUE(ReadFile(folder.Write("f", "12345"), 5).ok());
  EXPECT_EQ(ReadFile(folder.Write("f", "123456"), 5).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(FilesTest, WhatIsNoRegularFileIsRefusedWithoutWaiting) {
  const ScratchFolder folder;
  ASSERT_EQ(mkfifo(folder.Path("fifo").c_str(), 0600), 0);
  EXPECT_EQ(ReadFile(folder.Path("fifo")).status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ReadFile(folder.Path("")).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(SecretFileTest, LosesItsLastLineBreak) {
  const ScratchFolder folder;
  const std::string path = folder.Write("token", "abc def \r\n\n");
  ASSERT_EQ(chmod(path.c_str(), 0600), 0);
  testing::internal::CaptureStderr();
  EXPECT_EQ(*ReadSecretFile(path), "abc def");
  EXPECT_THAT(testing::internal::GetCapturedStderr(), IsEmpty());
}

TEST(SecretFileTest, WarnsIfEveryoneCanReadIt) {
  const ScratchFolder folder;
  const std::string path = folder.Write("token", "hunter2\n");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  testing::internal::CaptureStderr();
  EXPECT_EQ(*ReadSecretFile(path), "hunter2");
  const std::string log = testing::internal::GetCapturedStderr();
  EXPECT_THAT(log, HasSubstr("WARN everyone on this machine can read a secret"));
  EXPECT_THAT(log, testing::Not(HasSubstr("hunter2")));
}

TEST(SecretFileTest, MustHoldSomething) {
  const ScratchFolder folder;
  EXPECT_EQ(ReadSecretFile(folder.Write("token", "\n")).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(WriteFileTest, ReplacesTheFileAndSetsItsMode) {
  const ScratchFolder folder;
  const std::string path = folder.Write("f", "old");
  ASSERT_EQ(chmod(path.c_str(), 0644), 0);
  ASSERT_TRUE(WriteFileAtomically(path, "new").ok());
  EXPECT_EQ(*ReadFile(path), "new");
  EXPECT_EQ(ModeOf(path), 0600u);
  ASSERT_TRUE(WriteFileAtomically(path, "public", 0644).ok());
  EXPECT_EQ(ModeOf(path), 0644u);
}

TEST(WriteFileTest, LeavesNothingBehindWhenItFails) {
  const ScratchFolder folder;
  ASSERT_EQ(mkdir(folder.Path("taken").c_str(), 0700), 0);
  EXPECT_FALSE(WriteFileAtomically(folder.Path("taken"), "x").ok());
  EXPECT_EQ(WriteFileAtomically(folder.Path("no/f"), "x").code(), absl::StatusCode::kNotFound);
  int entries = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder.Path("")))
    ++entries;
  EXPECT_EQ(entries, 1);
}

}  // namespace
}  // namespace carillon::program
