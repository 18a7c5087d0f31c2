// Structured log lines on stderr, as text or JSON. A line is one line whatever its values hold.
//
//   Log(Level::kInfo, "stream refused", {{"peer", peer}, {"reason", status.message()}});
//
//   2026-11-24T08:15:02.123456Z INFO stream refused peer=127.0.0.1:51034 reason="no such user"
//   {"time":"2026-11-24T08:15:02.123456Z","level":"info","message":"stream refused",
//    "peer":"127.0.0.1:51034","reason":"no such user"}
#ifndef CARILLON_PROGRAM_LOGGING_H_
#define CARILLON_PROGRAM_LOGGING_H_

#include <atomic>
#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <optional>
#include <sstream>
#include <string>
#include <type_traits>
#include <variant>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "absl/types/span.h"

namespace carillon::program {

class OptionSet;

enum class Level : int { kTrace, kDebug, kInfo, kWarn, kError };
enum class LogFormat { kText, kJson };

struct LogOptions {
  LogFormat format = LogFormat::kText;
  Level level = Level::kInfo;
};

// Declares --log-format and --log-level.
void AddLogOptions(OptionSet* options, LogOptions* target);

// Every option and where it comes from, secrets masked, at the level debug.
void LogConfiguration(const OptionSet& options);

// In force at once, for all threads. Without it: text, info.
void InitLogging(const LogOptions& options);

namespace internal {
extern std::atomic<Level> log_level;
}

inline bool LogEnabled(Level level) {
  return level >= internal::log_level.load(std::memory_order_relaxed);
}

// A name and a value. Only refers to both: make it in the call of Log, nowhere else. The value is
// rendered only if the line is written.
class Field {
 public:
  Field(absl::string_view name, bool value) : name_(name), value_(value) {}
  template <std::integral T>
  requires(!std::same_as<T, bool> && !std::same_as<T, char>) Field(absl::string_view name, T value)
      : name_(name), value_(std::conditional_t<std::is_signed_v<T>, int64_t, uint64_t>(value)) {}
  Field(absl::string_view name, double value) : name_(name), value_(value) {}
  template <typename T>
  requires std::convertible_to<const T&, absl::string_view> Field(absl::string_view name,
                                                                  const T& value)
      : name_(name), value_(absl::string_view(value)) {}
  // Anything else that has ToString() or operator<<.
  template <typename T>
  requires(!std::convertible_to<const T&, absl::string_view> && !std::is_arithmetic_v<T>)
      Field(absl::string_view name, const T& value)
      : name_(name), value_(Printable{&value, &Print<T>}) {}

  struct Printable {
    const void* object;
    std::string (*print)(const void* object);
  };
  using Value = std::variant<bool, int64_t, uint64_t, double, absl::string_view, Printable>;

  absl::string_view name() const { return name_; }
  const Value& value() const { return value_; }

 private:
  template <typename T>
  static std::string Print(const void* object) {
    const T& value = *static_cast<const T*>(object);
    if constexpr (requires { value.ToString(); }) {
      return std::string(value.ToString());
    } else {
      std::ostringstream out;
      out << value;
      return out.str();
    }
  }

  absl::string_view name_;
  Value value_;
};

// Renders without a line break at the end; pure.
std::string RenderLogLine(LogFormat format, absl::Time time, Level level, absl::string_view message,
                          absl::Span<const Field> fields);

namespace internal {
void WriteLog(Level level, absl::string_view message, absl::Span<const Field> fields);
}

// Any thread. Costs one load if the level is off.
inline void Log(Level level, absl::string_view message, std::initializer_list<Field> fields = {}) {
  if (LogEnabled(level)) internal::WriteLog(level, message, {fields.begin(), fields.size()});
}

// At most so many a second (a burst of one second's worth at once). Any thread.
class RateLimit {
 public:
  explicit RateLimit(int per_second);

  // Nothing: suppress it. Else how many were suppressed since the last that was let through.
  std::optional<int64_t> Admit(absl::Time now);

 private:
  const int per_second_;
  absl::Mutex mutex_;
  absl::Time second_began_ ABSL_GUARDED_BY(mutex_) = absl::InfinitePast();
  int admitted_ ABSL_GUARDED_BY(mutex_) = 0;
  int64_t suppressed_ ABSL_GUARDED_BY(mutex_) = 0;
};

// For a message that a client can provoke as often as it likes; one for each call site:
//
//   static LimitedLog log_refused(5);
//   log_refused.Log(Level::kWarn, "stream refused", {{"peer", peer}});
//
// Adds suppressed=N to the first line after N were left out.
class LimitedLog {
 public:
  explicit LimitedLog(int per_second) : limit_(per_second) {}
  void Log(Level level, absl::string_view message, std::initializer_list<Field> fields = {});

 private:
  RateLimit limit_;
};

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_LOGGING_H_
