#include "clients/cli/line_reader.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <array>
#include <string>
#include <thread>
#include <vector>

#include "clients/cli/output.h"

namespace carillon::cli {
namespace {

class Pipe {
 public:
  Pipe() { EXPECT_EQ(pipe(ends_.data()), 0); }
  ~Pipe() {
    close(ends_[0]);
    CloseWriter();
  }
  int reader() const { return ends_[0]; }
  int writer() const { return ends_[1]; }
  void CloseWriter() {
    if (ends_[1] >= 0) close(ends_[1]);
    ends_[1] = -1;
  }

 private:
  std::array<int, 2> ends_ = {-1, -1};
};

std::vector<std::string> AllLines(absl::string_view text) {
  Pipe pipe;
  WriteAll(pipe.writer(), text);
  pipe.CloseWriter();
  LineReader reader(pipe.reader(), -1);
  std::vector<std::string> lines;
  absl::string_view line;
  for (absl::StatusOr<bool> more = reader.Next(&line); more.ok() && *more;
       more = reader.Next(&line)) {
    lines.emplace_back(line);
  }
  return lines;
}

TEST(LineReaderTest, ReadsLinesWithoutTheirEnds) {
  EXPECT_EQ(AllLines("a\nb\r\n\nc\n"), (std::vector<std::string>{"a", "b", "", "c"}));
}

TEST(LineReaderTest, TakesALastLineThatHasNoEnd) {
  EXPECT_EQ(AllLines("a\nb"), (std::vector<std::string>{"a", "b"}));
  EXPECT_TRUE(AllLines("").empty());
}

TEST(LineReaderTest, CountsLinesAndBytes) {
  Pipe pipe;
  WriteAll(pipe.writer(), "one\ntwo\n");
  LineReader reader(pipe.reader(), -1);
  absl::string_view line;
  ASSERT_TRUE(*reader.Next(&line));
  ASSERT_TRUE(*reader.Next(&line));
  EXPECT_EQ(reader.line_number(), 2);
  EXPECT_EQ(reader.bytes_read(), 8);
}

TEST(LineReaderTest, IsReadyOnlyWhenNextWouldNotWait) {
  Pipe pipe;
  LineReader reader(pipe.reader(), -1);
  EXPECT_FALSE(reader.Ready());
  WriteAll(pipe.writer(), "one\ntwo\n");
  EXPECT_TRUE(reader.Ready());
  absl::string_view line;
  ASSERT_TRUE(*reader.Next(&line));
  EXPECT_TRUE(reader.Ready());
  ASSERT_TRUE(*reader.Next(&line));
  EXPECT_FALSE(reader.Ready());
}

TEST(LineReaderTest, EndsWhenInterruptedWhileItWaits) {
  Pipe pipe;
  Pipe interrupt;
  LineReader reader(pipe.reader(), interrupt.reader());
  std::thread interrupter([&] { WriteAll(interrupt.writer(), "!"); });
  absl::string_view line;
  EXPECT_FALSE(*reader.Next(&line));
  interrupter.join();
}

TEST(LineReaderTest, PassesOverALineThatIsTooLongAndGoesOn) {
  Pipe pipe;
  std::thread writer([&] {
    WriteAll(pipe.writer(), std::string(LineReader::kLineBytesMax * 2, 'x') + "\nnext\n");
    pipe.CloseWriter();
  });
  LineReader reader(pipe.reader(), -1);
  absl::string_view line;
  EXPECT_EQ(reader.Next(&line).status().code(), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(reader.line_number(), 1);
  ASSERT_TRUE(*reader.Next(&line));
  EXPECT_EQ(line, "next");
  EXPECT_FALSE(*reader.Next(&line));
  writer.join();
}

TEST(LineReaderTest, TellsWhenTheInputCannotBeRead) {
  const int folder = open("/", O_RDONLY);
  LineReader reader(folder, -1);
  absl::string_view line;
  EXPECT_FALSE(reader.Next(&line).ok());
  close(folder);
}

}  // namespace
}  // namespace carillon::cli
