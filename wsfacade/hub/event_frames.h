// A batch of events as websocket frames, built once for all websockets. Pure.
#ifndef CARILLON_WSFACADE_HUB_EVENT_FRAMES_H_
#define CARILLON_WSFACADE_HUB_EVENT_FRAMES_H_

#include <cstdint>
#include <memory>
#include <vector>

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
  };

  SharedBytesPtr bytes;
  std::vector<Event> events;
  std::vector<int64_t> ids;
};

std::shared_ptr<const EventFrames> BuildEventFrames(absl::Span<const client::ReceivedEvent> events);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_HUB_EVENT_FRAMES_H_
