// Each test forks: signals belong to a whole process.
#include "deploy/program/signals.h"

#include <gtest/gtest.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <functional>
#include <thread>

namespace carillon::program {
namespace {

constexpr int kStuck = 99;

// A child that runs `body` and exits with what that returns; killed if it does not.
class Child {
 public:
  // `body` gets what it reports to its parent with.
  explicit Child(const std::function<int(const std::function<void(char)>& report)>& body) {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    pid_ = fork();
    if (pid_ == 0) {
      close(ends[0]);
      alarm(20);
      _exit(body([fd = ends[1]](char c) {
        if (write(fd, &c, 1) != 1) _exit(kStuck);
      }));
    }
    close(ends[1]);
    reports_ = ends[0];
  }
  ~Child() { close(reports_); }

  // Blocks until the child reports; '\0' if it has ended.
  char NextReport() {
    char c = '\0';
    return read(reports_, &c, 1) == 1 ? c : '\0';
  }

  void Send(int signal) { EXPECT_EQ(kill(pid_, signal), 0); }

  int ExitCode() {
    int status = 0;
    EXPECT_EQ(waitpid(pid_, &status, 0), pid_);
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
  }

 private:
  pid_t pid_;
  int reports_;
};

int WaitAndReturnTheSignal(const std::function<void(char)>& report) {
  Signals signals;
  report('r');
  return signals.WaitForShutdown();
}

TEST(SignalsTest, TheFirstAsksForAShutdown) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Child child(WaitAndReturnTheSignal);
    ASSERT_EQ(child.NextReport(), 'r');
    child.Send(signal);
    EXPECT_EQ(child.ExitCode(), signal);
  }
}

TEST(SignalsTest, TheSecondEndsTheProcessAtOnce) {
  for (const int signal : {SIGTERM, SIGINT}) {
    Child child([](const std::function<void(char)>& report) {
      Signals signals;
      report('r');
      signals.WaitForShutdown();
      report('d');
      pause();  // A drain that hangs.
      return kStuck;
    });
    ASSERT_EQ(child.NextReport(), 'r');
    child.Send(SIGTERM);
    ASSERT_EQ(child.NextReport(), 'd');
    child.Send(signal);
    EXPECT_EQ(child.ExitCode(), 128 + signal);
  }
}

TEST(SignalsTest, HangUpIsIgnored) {
  Child child(WaitAndReturnTheSignal);
  ASSERT_EQ(child.NextReport(), 'r');
  child.Send(SIGHUP);
  child.Send(SIGTERM);
  EXPECT_EQ(child.ExitCode(), SIGTERM);
}

int EndWithTheTerminal(const std::function<void(char)>& report) {
  Signals signals(Signals::HangUp::kShutdown);
  report('r');
  const int signal = signals.WaitForShutdown();
  report('d');
  if (signal == SIGHUP) raise(SIGHUP);
  return signal;
}

TEST(SignalsTest, HangUpAsksForAShutdownOfWhatIsToEndWithItsTerminalAndForNoMore) {
  Child child(EndWithTheTerminal);
  ASSERT_EQ(child.NextReport(), 'r');
  child.Send(SIGHUP);
  ASSERT_EQ(child.NextReport(), 'd');
  child.Send(SIGHUP);
  EXPECT_EQ(child.ExitCode(), SIGHUP);
}

TEST(SignalsTest, HangUpThatIsIgnoredStaysSo) {
  Child child([](const std::function<void(char)>& report) {
    std::signal(SIGHUP, SIG_IGN);
    return EndWithTheTerminal(report);
  });
  ASSERT_EQ(child.NextReport(), 'r');
  child.Send(SIGHUP);
  child.Send(SIGTERM);
  EXPECT_EQ(child.ExitCode(), SIGTERM);
}

TEST(SignalsTest, ABrokenPipeIsAnErrorOfTheWrite) {
  Child child([](const std::function<void(char)>&) {
    Signals signals;
    int ends[2];
    if (pipe(ends) != 0) return kStuck;
    close(ends[0]);
    return write(ends[1], "x", 1) < 0 && errno == EPIPE ? 0 : 1;
  });
  EXPECT_EQ(child.ExitCode(), 0);
}

TEST(SignalsTest, TheProgramCanAskForAShutdownItself) {
  Child child([](const std::function<void(char)>&) {
    Signals signals;
    std::thread asks([&signals] { signals.RequestShutdown(); });
    const int number = signals.WaitForShutdown();
    asks.join();
    return number;
  });
  EXPECT_EQ(child.ExitCode(), 0);
}

TEST(OpenFileLimitTest, IsRaisedToTheHardLimit) {
  Child child([](const std::function<void(char)>&) {
    rlimit limit;
    getrlimit(RLIMIT_NOFILE, &limit);
    limit.rlim_cur = 64;
    setrlimit(RLIMIT_NOFILE, &limit);
    const absl::StatusOr<uint64_t> raised = RaiseOpenFileLimit();
    rlimit now;
    getrlimit(RLIMIT_NOFILE, &now);
    return raised.ok() && *raised == limit.rlim_max && now.rlim_cur == limit.rlim_max ? 0 : 1;
  });
  EXPECT_EQ(child.ExitCode(), 0);
}

}  // namespace
}  // namespace carillon::program
