#include "clients/cli/progress.h"

#include <unistd.h>

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "clients/cli/output.h"

namespace carillon::cli {
namespace {

constexpr int kBarWidth = 30;
constexpr absl::Duration kRedrawInterval = absl::Milliseconds(100);

}  // namespace

std::string FormatProgress(const ProgressState& state, int width) {
  std::string line;
  if (state.bytes_total > 0) {
    const double part = std::clamp(
        static_cast<double>(state.bytes) / static_cast<double>(state.bytes_total), 0.0, 1.0);
    const auto filled = static_cast<size_t>(part * kBarWidth);
    absl::StrAppend(&line, "[", std::string(filled, '#'), std::string(kBarWidth - filled, ' '),
                    "] ", static_cast<int>(part * 100), "%  ");
  }
  absl::StrAppend(&line, WithThousands(state.acknowledged), " acknowledged");
  if (state.refused > 0) absl::StrAppend(&line, ", ", WithThousands(state.refused), " refused");
  const double seconds = absl::ToDoubleSeconds(state.elapsed);
  if (seconds >= 1) {
    const auto rate = static_cast<int64_t>(static_cast<double>(state.acknowledged) / seconds);
    absl::StrAppend(&line, ", ", WithThousands(rate), "/s");
  }
  return CutToWidth(line, static_cast<size_t>(width));
}

ProgressLine::ProgressLine() : width_(TerminalWidth(STDERR_FILENO)), start_(absl::Now()) {}

ProgressLine::~ProgressLine() { Clear(); }

void ProgressLine::Draw(ProgressState state) {
  const absl::Time now = absl::Now();
  if (width_ == 0 || now - drawn_at_ < kRedrawInterval) return;
  drawn_at_ = now;
  visible_ = true;
  state.elapsed = now - start_;
  WriteAll(STDERR_FILENO, absl::StrCat("\r\033[K", FormatProgress(state, width_)));
}

void ProgressLine::Clear() {
  if (!visible_) return;
  visible_ = false;
  WriteAll(STDERR_FILENO, "\r\033[K");
}

}  // namespace carillon::cli
