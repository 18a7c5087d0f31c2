// What a websocket keeps while it has fallen behind.
#ifndef CARILLON_WSFACADE_SESSION_BEHIND_H_
#define CARILLON_WSFACADE_SESSION_BEHIND_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/container/flat_hash_map.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "wsfacade/hub/registration_table.h"
#include "wsfacade/hub/replays.h"
#include "wsfacade/session/catch_up.h"

namespace carillon::facade {

struct Behind {
  // Wait before a replay that broke is asked for again: doubles from here on.
  static constexpr absl::Duration kRetryMin = absl::Milliseconds(100);

  Behind(absl::string_view reached, size_t held_bytes_max, absl::Time now)
      : catch_up(reached, held_bytes_max), since(now), taken_at(now) {}

  CatchUp catch_up;
  const absl::Time since;
  int64_t rounds = 0;
  // Asked for, granted or running.
  ReplayTicket ticket;
  // A replay broke; the next is asked for later.
  bool pausing = false;
  // Counts the pauses: one that was broken off is not to end the next.
  int pauses = 0;
  absl::Duration retry = kRetryMin;

  // Registrations made meanwhile: what was reached then, before which they see nothing.
  absl::flat_hash_map<const LocalSubscription*, std::string> begin_after;
  // The registrations that the replay at hand serves, by their ids there.
  absl::flat_hash_map<const LocalSubscription*, int64_t> replay_ids;

  // The client has taken so much, and last took something at that time.
  int64_t taken = 0;
  absl::Time taken_at;
};

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_SESSION_BEHIND_H_
