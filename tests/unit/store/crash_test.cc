// A process that appends is killed at random moments. What it acknowledged must be in the log once
// and in order, whatever it was doing.
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <random>
#include <thread>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "broker/store/lmdb_store.h"
#include "tests/unit/log/test_events.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::store {
namespace {

constexpr uint64_t kMapBytes = 64 << 20;
constexpr log::Retention kRetention{absl::InfiniteDuration(), 2 << 20};

// An acknowledged event.
struct Ack {
  uint64_t number;
  uint64_t sequence;
};

log::TestEvents NumberedEvents(uint64_t first, uint64_t count) {
  log::TestEvents events;
  for (uint64_t number = first; number < first + count; ++number) {
    events.Add(absl::StrCat(number), absl::StrCat("id-", number), "fred",
               std::string(number % 7 * 300, 'x'));
  }
  return events;
}

// The child: publishes events with numbers from `number` on, and acknowledges each commit to
// `acks`, until it is killed; meanwhile it trims.
[[noreturn]] void AppendForever(const std::string& directory, uint64_t number, int acks) {
  auto store = LmdbStore::Open({directory, kMapBytes});
  if (!store.ok()) _exit(10);
  log::EventLog& log = *(*store)->event_log();
  std::mt19937 random(static_cast<uint32_t>(number));
  // Now and then, so that much is pending in between.
  std::thread trimmer([&log, random]() mutable {
    for (;;) {
      if (!log.TrimStep(kRetention, absl::Now()).ok()) _exit(13);
      absl::SleepFor(absl::Microseconds(random() % 20'000));
    }
  });
  for (;;) {
    const uint64_t count = 1 + random() % 60;
    const log::TestEvents events = NumberedEvents(number, count);
    std::vector<log::AppendOutcome> outcomes(count);
    std::vector<log::EventBlockPtr> committed;
    if (!log.Append(events.get(), absl::Now(), absl::MakeSpan(outcomes), &committed).ok())
      _exit(11);
    std::vector<Ack> message;
    for (const log::AppendOutcome& outcome : outcomes)
      message.push_back({number++, outcome.sequence});
    const ssize_t size = static_cast<ssize_t>(message.size() * sizeof(Ack));
    if (write(acks, message.data(), static_cast<size_t>(size)) != size) _exit(12);
  }
}

// Starts the child, kills it `lifetime` after its first acknowledgement, and returns what it
// acknowledged.
std::vector<Ack> RunAndKill(const std::string& directory, uint64_t number,
                            absl::Duration lifetime) {
  int acks[2];
  EXPECT_EQ(pipe(acks), 0);
  const pid_t child = fork();
  if (child == 0) {
    close(acks[0]);
    AppendForever(directory, number, acks[1]);
  }
  close(acks[1]);
  std::vector<Ack> received;
  absl::Time kill_at = absl::InfiniteFuture();
  bool killed = false;
  for (;;) {
    pollfd poll_acks{acks[0], POLLIN, 0};
    timespec wait = absl::ToTimespec(
        std::clamp(kill_at - absl::Now(), absl::ZeroDuration(), absl::Seconds(60)));
    if (!killed && ppoll(&poll_acks, 1, &wait, nullptr) == 0) {
      kill(child, SIGKILL);
      killed = true;
    }
    Ack buffer[64];
    const ssize_t size = read(acks[0], buffer, sizeof(buffer));
    if (size <= 0) break;
    // Writes of up to 4 KiB into a pipe are not torn.
    received.insert(received.end(), buffer, buffer + static_cast<size_t>(size) / sizeof(Ack));
    if (kill_at == absl::InfiniteFuture()) kill_at = absl::Now() + lifetime;
  }
  close(acks[0]);
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFSIGNALED(status)) << "the child ended by itself with " << WEXITSTATUS(status);
  return received;
}

// The numbers of all events in the log, in its order.
std::vector<uint64_t> NumbersIn(const log::EventLog& log) {
  std::vector<uint64_t> numbers;
  uint64_t after = log.bounds().first_sequence - 1;
  for (;;) {
    const absl::StatusOr<log::EventBlockPtr> block = log.Read(after, 1 << 20);
    EXPECT_TRUE(block.ok()) << block.status();
    if (!block.ok() || *block == nullptr) return numbers;
    for (size_t i = 0; i < (*block)->size(); ++i) {
      const wire::EventView event = log::ParseRecord((*block)->record(i));
      uint64_t number = 0;
      EXPECT_TRUE(absl::SimpleAtoi(event.key, &number));
      EXPECT_EQ(event.object.size(), number % 7 * 300);
      numbers.push_back(number);
    }
    after = (*block)->last_sequence();
  }
}

TEST(Crash, LosesNothingThatWasAcknowledgedAndRepeatsNothing) {
  TempDirectory directory;
  std::mt19937 random(1);
  uint64_t next_number = 0;
  for (int round = 0; round < 40; ++round) {
    const std::vector<Ack> acks =
        RunAndKill(directory.path(), next_number, absl::Microseconds(random() % 30'000));
    ASSERT_FALSE(HasFailure()) << "round " << round;

    auto store = LmdbStore::Open({directory.path(), kMapBytes});
    ASSERT_TRUE(store.ok()) << store.status();
    log::EventLog& log = *(*store)->event_log();
    const uint64_t first_sequence = log.bounds().first_sequence;
    const std::vector<uint64_t> numbers = NumbersIn(log);
    ASSERT_FALSE(numbers.empty());
    for (size_t i = 1; i < numbers.size(); ++i) ASSERT_EQ(numbers[i], numbers[i - 1] + 1);
    for (const Ack& ack : acks) {
      ASSERT_EQ(ack.number, next_number++);
      if (ack.sequence < first_sequence) continue;  // Trimmed since.
      ASSERT_LT(ack.sequence - first_sequence, numbers.size()) << "lost event " << ack.number;
      ASSERT_EQ(numbers[ack.sequence - first_sequence], ack.number);
    }

    // The publisher sends its last events again, not sure of what became of them.
    const uint64_t again = std::min<uint64_t>(20, numbers.size());
    const log::TestEvents events = NumberedEvents(numbers.back() + 1 - again, again);
    std::vector<log::AppendOutcome> outcomes(again);
    std::vector<log::EventBlockPtr> committed;
    ASSERT_TRUE(log.Append(events.get(), absl::Now(), absl::MakeSpan(outcomes), &committed).ok());
    for (const log::AppendOutcome& outcome : outcomes) ASSERT_TRUE(outcome.duplicate);
  }
  EXPECT_GT(next_number, 1'000u);
}

}  // namespace
}  // namespace carillon::store
