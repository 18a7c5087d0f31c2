#include "wsfacade/hub/event_frames.h"

#include <string>
#include <utility>

#include "carillon/client/event_json.h"
#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {
namespace {

// Of most frames: payloads of 126 bytes to 64 KiB.
constexpr size_t kUsualHeaderBytes = 4;
// What a frame holds beside the event's own texts.
constexpr size_t kFrameOverheadBytes = 128;

void AppendEventFrame(const wire::EventView& event, std::string* out) {
  const size_t begin = out->size();
  out->append(kUsualHeaderBytes, '\0');
  client::AppendEventJson(event, out);
  char header[kFrameHeaderBytesMax];
  const size_t size =
      EncodeFrameHeader(Opcode::kText, out->size() - begin - kUsualHeaderBytes, header);
  out->replace(begin, kUsualHeaderBytes, header, size);
}

}  // namespace

std::shared_ptr<const EventFrames> BuildEventFrames(
    absl::Span<const client::ReceivedEvent> events) {
  auto frames = std::make_shared<EventFrames>();
  size_t bytes = 0;
  size_t ids = 0;
  size_t position_bytes = 0;
  for (const client::ReceivedEvent& received : events) {
    const wire::EventView& event = received.event;
    bytes += event.type.size() + event.action.size() + event.key.size() + event.principal.size() +
             event.object.size() + event.original.size() + kFrameOverheadBytes;
    ids += received.subscription_ids.size();
    position_bytes += event.position.size();
  }
  std::string text;
  text.reserve(bytes);
  frames->events.reserve(events.size());
  frames->ids.reserve(ids);
  frames->positions.reserve(position_bytes);
  for (const client::ReceivedEvent& received : events) {
    const uint32_t begin = static_cast<uint32_t>(text.size());
    AppendEventFrame(received.event, &text);
    frames->ids.insert(frames->ids.end(), received.subscription_ids.begin(),
                       received.subscription_ids.end());
    frames->positions.append(received.event.position.data(), received.event.position.size());
    frames->events.push_back({begin, static_cast<uint32_t>(text.size()),
                              static_cast<uint32_t>(frames->ids.size()),
                              static_cast<uint32_t>(frames->positions.size())});
  }
  frames->bytes.reset(new SharedBytes(std::move(text)));
  return frames;
}

}  // namespace carillon::facade
