// A batch of events as websocket frames, built once for all websockets. Pure.
#ifndef CARILLON_WSFACADE_HUB_EVENT_FRAMES_H_
#define CARILLON_WSFACADE_HUB_EVENT_FRAMES_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "carillon/client/subscriber.h"
#include "wsfacade/net/shared_bytes.h"

namespace carillon::facade {

struct EventFrames {
  struct Event {
    // Its frame within `bytes`; frames lie end to end, in the order of the events.
    uint32_t begin;
    uint32_t end;
    // The ids of the subscriptions it matched end here within `ids`; they begin where those of the
    // event before end.
    uint32_t ids_end;
    // The same for its position within `positions`.
    uint32_t position_end;
  };

  SharedBytesPtr bytes;
  std::vector<Event> events;
  std::vector<int64_t> ids;
  std::string positions;

  absl::Span<const int64_t> ids_of(size_t event) const {
    const size_t ids_begin = event == 0 ? 0 : events[event - 1].ids_end;
    return absl::MakeConstSpan(ids).subspan(ids_begin, events[event].ids_end - ids_begin);
  }
  absl::string_view position_of(size_t event) const {
    const size_t position_begin = event == 0 ? 0 : events[event - 1].position_end;
    return absl::string_view(positions).substr(position_begin,
                                               events[event].position_end - position_begin);
  }
};

std::shared_ptr<const EventFrames> BuildEventFrames(absl::Span<const client::ReceivedEvent> events);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_EVENT_FRAMES_H_
