#include "deploy/program/logging.h"

#include <spdlog/logger.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <memory>
#include <utility>
#include <vector>

#include "absl/time/clock.h"
#include "deploy/program/options.h"

namespace carillon::program {
namespace internal {

std::atomic<Level> log_level{Level::kInfo};

}  // namespace internal

namespace {

std::atomic<LogFormat> log_format{LogFormat::kText};

// Writes whole lines to stderr, one at a time. Never destroyed: threads may log until the end.
spdlog::logger& LineWriter() {
  static spdlog::logger* const writer = [] {
    auto* logger =
        new spdlog::logger("carillon", std::make_shared<spdlog::sinks::stderr_sink_mt>());
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    return logger;
  }();
  return *writer;
}

}  // namespace

void AddLogOptions(OptionSet* options, LogOptions* target) {
  options->Group("Log");
  options->AddEnum("log-format", &target->format, "how lines are written to stderr",
                   {{"text", LogFormat::kText}, {"json", LogFormat::kJson}});
  options->AddEnum("log-level", &target->level, "least severe level that is written",
                   {{"trace", Level::kTrace},
                    {"debug", Level::kDebug},
                    {"info", Level::kInfo},
                    {"warn", Level::kWarn},
                    {"error", Level::kError}});
}

void InitLogging(const LogOptions& options) {
  log_format.store(options.format, std::memory_order_relaxed);
  internal::log_level.store(options.level, std::memory_order_relaxed);
}

void LogConfiguration(const OptionSet& options) {
  if (!LogEnabled(Level::kDebug)) return;
  for (const std::string& option : options.Dump()) {
    Log(Level::kDebug, "configuration", {{"option", option}});
  }
}

void internal::WriteLog(Level level, absl::string_view message, absl::Span<const Field> fields) {
  const std::string line = RenderLogLine(log_format.load(std::memory_order_relaxed), absl::Now(),
                                         level, message, fields);
  LineWriter().log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

RateLimit::RateLimit(int per_second) : per_second_(per_second) {}

std::optional<int64_t> RateLimit::Admit(absl::Time now) {
  absl::MutexLock lock(&mutex_);
  if (now < second_began_ || now - second_began_ >= absl::Seconds(1)) {
    second_began_ = now;
    admitted_ = 0;
  }
  if (admitted_ >= per_second_) {
    ++suppressed_;
    return std::nullopt;
  }
  ++admitted_;
  return std::exchange(suppressed_, 0);
}

void LimitedLog::Log(Level level, absl::string_view message, std::initializer_list<Field> fields) {
  if (!LogEnabled(level)) return;
  const std::optional<int64_t> suppressed = limit_.Admit(absl::Now());
  if (!suppressed.has_value()) return;
  if (*suppressed == 0) {
    internal::WriteLog(level, message, {fields.begin(), fields.size()});
    return;
  }
  std::vector<Field> with_count(fields);
  with_count.emplace_back("suppressed", *suppressed);
  internal::WriteLog(level, message, with_count);
}

}  // namespace carillon::program
