#include "wsfacade/session/catch_up.h"

#include <algorithm>
#include <utility>

namespace carillon::facade {

CatchUp::CatchUp(absl::string_view after, size_t held_bytes_max)
    : held_bytes_max_(held_bytes_max), after_(after) {}

void CatchUp::BeginRound(absl::string_view until) {
  in_round_ = true;
  replaying_ = true;
  holding_ = true;
  until_ = std::string(until);
  removed_.clear();
}

bool CatchUp::Hold(absl::string_view frame, absl::string_view reached) {
  if (!holding_) return false;
  if (held_.size() + frame.size() > held_bytes_max_) {
    holding_ = false;
    missed_after_ = std::string(reached);
    return false;
  }
  held_.append(frame.data(), frame.size());
  return true;
}

void CatchUp::OnReplayed(std::shared_ptr<const EventFrames> frames) {
  frames_ = std::move(frames);
  next_ = 0;
}

void CatchUp::Abandon() {
  if (in_round_ && !replaying_ && frames_ == nullptr) after_ = until_;
  in_round_ = false;
  replaying_ = false;
  holding_ = false;
  held_ = std::string();
  frames_ = nullptr;
}

void CatchUp::Remove(int64_t replay_id) { removed_.insert(replay_id); }

void CatchUp::DropHeld() {
  if (!in_round_) return;
  holding_ = false;
  held_ = std::string();
  missed_after_ = until_;
}

bool CatchUp::IsWanted(size_t event) const {
  if (removed_.empty()) return true;
  const absl::Span<const int64_t> ids = frames_->ids_of(event);
  return !std::all_of(ids.begin(), ids.end(), [this](int64_t id) { return removed_.contains(id); });
}

std::optional<CatchUp::Frame> CatchUp::NextFrame() {
  if (frames_ == nullptr) return std::nullopt;
  while (next_ < frames_->events.size() && !IsWanted(next_)) Skip();
  if (next_ < frames_->events.size()) {
    return Frame{frames_->events[next_].begin, frames_->events[next_].end};
  }
  frames_ = nullptr;
  return std::nullopt;
}

void CatchUp::Skip() {
  const absl::string_view position = frames_->position_of(next_++);
  after_.assign(position.data(), position.size());
}

std::string CatchUp::EndRound() {
  in_round_ = false;
  caught_up_ = holding_;
  holding_ = false;
  if (!caught_up_) after_ = missed_after_;
  return std::exchange(held_, std::string());
}

}  // namespace carillon::facade
