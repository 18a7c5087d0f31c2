// What a websocket that has fallen behind is still to be given, and in which order. Pure.
//
// It is caught up in rounds. A round takes the events after the last one that was given, up to the
// last that its I/O thread has handed out, from a replay of the log; what is handed out meanwhile
// is held, and given after the replay. If all of that could be held the websocket has caught up; if
// not, the next round begins where holding ended.
#ifndef CARILLON_WSFACADE_SESSION_CATCH_UP_H_
#define CARILLON_WSFACADE_SESSION_CATCH_UP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/string_view.h"
#include "wsfacade/hub/event_frames.h"

namespace carillon::facade {

// Not thread-safe. Positions are tokens of the log. Whoever uses it calls BeginRound, hands it what
// is replayed, takes the frames with NextFrame and Skip, and when the replay has ended and none is
// left, takes the held ones with EndRound.
class CatchUp {
 public:
  // Everything up to `after` was given. Holds at most `held_bytes_max`.
  CatchUp(absl::string_view after, size_t held_bytes_max);

  // Where the next round is to begin.
  const std::string& after() const { return after_; }
  bool in_round() const { return in_round_; }
  // In a round of which the replay has not ended.
  bool is_replaying() const { return replaying_; }

  // Everything up to `until` was handed out, and what comes from now on comes to Hold.
  void BeginRound(absl::string_view until);
  // A frame that was handed out, the first after `reached`. False: it is not held, nor is any other
  // of this round; a replay will bring it.
  bool Hold(absl::string_view frame, absl::string_view reached);

  // The next events of the replay. All that were there before have been taken.
  void OnReplayed(std::shared_ptr<const EventFrames> frames);
  // All were replayed.
  void OnReplayEnded() { replaying_ = false; }
  // The replay broke or is given up: the round is over, and what it brought and was not taken is
  // forgotten.
  void Abandon();
  // What matches these ids of the replay alone is not wanted any more.
  void Remove(int64_t replay_id);
  // Some of what is held is not wanted any more: a replay will bring the rest.
  void DropHeld();

  // The next replayed frame, in the bytes of frames(); nothing: none is left.
  struct Frame {
    uint32_t begin;
    uint32_t end;
    size_t size() const { return end - begin; }
  };
  std::optional<Frame> NextFrame();
  // Whether there may be one.
  bool has_frames() const { return frames_ != nullptr; }
  const SharedBytesPtr& frames() const { return frames_->bytes; }
  // The next frame was given.
  void Skip();

  // The replay has ended, all its frames were taken: what was held, to be given now. Then either
  // caught_up(), or the next round begins after after().
  std::string EndRound();
  bool caught_up() const { return caught_up_; }
  size_t held_bytes() const { return held_.size(); }

 private:
  bool IsWanted(size_t event) const;

  const size_t held_bytes_max_;
  std::string after_;
  bool in_round_ = false;
  bool replaying_ = false;
  bool caught_up_ = false;
  std::string until_;

  std::shared_ptr<const EventFrames> frames_;
  size_t next_ = 0;
  absl::flat_hash_set<int64_t> removed_;

  // Frames after until_, and if it does not hold any more: up to missed_after_.
  std::string held_;
  bool holding_ = false;
  std::string missed_after_;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_CATCH_UP_H_
