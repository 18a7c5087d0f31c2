#include "wsfacade/ws/frame_codec.h"

#include <simdjson.h>

#include <algorithm>
#include <cstring>
#include <utility>

namespace carillon::facade {
namespace {

constexpr size_t kControlPayloadMax = 125;
constexpr size_t kClientHeaderBytesMax = 14;
constexpr uint8_t kFinBit = 0x80;
constexpr uint8_t kReservedBits = 0x70;
constexpr uint8_t kMaskBit = 0x80;

bool IsUtf8(absl::string_view text) { return simdjson::validate_utf8(text.data(), text.size()); }

// `offset`: where in the payload the bytes begin.
void Unmask(absl::Span<char> bytes, const char mask[4], size_t offset) {
  char turned[8];
  for (size_t i = 0; i < sizeof(turned); ++i) turned[i] = mask[(offset + i) % 4];
  uint64_t word_mask;
  std::memcpy(&word_mask, turned, sizeof(word_mask));
  size_t i = 0;
  for (; i + sizeof(uint64_t) <= bytes.size(); i += sizeof(uint64_t)) {
    uint64_t word;
    std::memcpy(&word, bytes.data() + i, sizeof(word));
    word ^= word_mask;
    std::memcpy(bytes.data() + i, &word, sizeof(word));
  }
  for (; i < bytes.size(); ++i) bytes[i] = static_cast<char>(bytes[i] ^ turned[i % 4]);
}

uint64_t LoadBigEndian(const char* bytes, size_t count) {
  uint64_t value = 0;
  for (size_t i = 0; i < count; ++i) value = value << 8 | static_cast<uint8_t>(bytes[i]);
  return value;
}

// Codes a peer may send in a close frame.
bool IsCloseCodeAllowed(uint16_t code) {
  if (code >= 3000) return code < 5000;
  return (code >= 1000 && code <= 1003) || (code >= 1007 && code <= 1014);
}

}  // namespace

struct FrameDecoder::Header {
  Opcode opcode;
  bool fin;
  uint8_t first_byte;
  bool masked;
  bool minimal;
  uint64_t payload_size;
  char mask[4];
  size_t size;

  // Nothing: `bytes` does not hold all of it.
  static bool Parse(absl::string_view bytes, Header* header) {
    if (bytes.size() < 2) return false;
    header->first_byte = static_cast<uint8_t>(bytes[0]);
    header->fin = (header->first_byte & kFinBit) != 0;
    header->opcode = static_cast<Opcode>(header->first_byte & 0x0f);
    const uint8_t second = static_cast<uint8_t>(bytes[1]);
    header->masked = (second & kMaskBit) != 0;
    const uint8_t length = second & 0x7f;
    const size_t extra = length == 127 ? 8 : length == 126 ? 2 : 0;
    header->size = 2 + extra + (header->masked ? 4 : 0);
    if (bytes.size() < header->size) return false;
    header->payload_size = extra == 0 ? length : LoadBigEndian(bytes.data() + 2, extra);
    header->minimal = extra == 0 || (extra == 2 ? header->payload_size > 125
                                                : header->payload_size > 0xffff &&
                                                      header->payload_size <= INT64_MAX);
    if (header->masked) std::memcpy(header->mask, bytes.data() + 2 + extra, 4);
    return true;
  }
};

// What is left over between two pieces.
struct FrameDecoder::Partial {
  // Of a frame whose header is not complete.
  char header_bytes[kClientHeaderBytesMax];
  size_t header_size = 0;

  // A frame whose payload is not complete.
  bool in_frame = false;
  Header header;
  std::string payload;

  // A message whose last fragment has not come.
  bool in_message = false;
  Opcode message_opcode;
  std::string message;

  bool empty() const { return header_size == 0 && !in_frame && !in_message; }
};

FrameDecoder::FrameDecoder(uint32_t message_bytes_max) : message_bytes_max_(message_bytes_max) {}

FrameDecoder::~FrameDecoder() = default;

FrameDecoder::Partial& FrameDecoder::partial() {
  if (partial_ == nullptr) partial_ = std::make_unique<Partial>();
  return *partial_;
}

FrameDecoder::Verdict FrameDecoder::Fail(CloseCode code, const char* reason) {
  error_ = code;
  error_reason_ = reason;
  return Verdict::kFailed;
}

FrameDecoder::Verdict FrameDecoder::Feed(absl::Span<char> bytes, FrameSink* sink) {
  const Verdict verdict = FeedFrames(bytes, sink);
  if (partial_ != nullptr && (verdict != Verdict::kMore || partial_->empty())) partial_.reset();
  return verdict;
}

FrameDecoder::Verdict FrameDecoder::FeedFrames(absl::Span<char> bytes, FrameSink* sink) {
  while (!bytes.empty()) {
    if (partial_ == nullptr || !partial_->in_frame) {
      Header header;
      size_t stored = partial_ == nullptr ? 0 : partial_->header_size;
      if (stored == 0) {
        if (!Header::Parse({bytes.data(), bytes.size()}, &header)) {
          Partial& rest = partial();
          rest.header_size = bytes.size();
          std::memcpy(rest.header_bytes, bytes.data(), bytes.size());
          return Verdict::kMore;
        }
        bytes.remove_prefix(header.size);
      } else {
        Partial& rest = *partial_;
        const size_t taken = std::min(bytes.size(), kClientHeaderBytesMax - stored);
        std::memcpy(rest.header_bytes + stored, bytes.data(), taken);
        if (!Header::Parse({rest.header_bytes, stored + taken}, &header)) {
          rest.header_size = stored + taken;
          return Verdict::kMore;
        }
        rest.header_size = 0;
        bytes.remove_prefix(header.size - stored);
      }
      if (Verdict verdict = Check(header); verdict != Verdict::kMore) return verdict;
      if (bytes.size() >= header.payload_size) {
        const absl::Span<char> payload = bytes.first(header.payload_size);
        Unmask(payload, header.mask, 0);
        bytes.remove_prefix(payload.size());
        const Verdict verdict = Deliver(header, {payload.data(), payload.size()}, sink);
        if (verdict != Verdict::kMore) return verdict;
        continue;
      }
      Partial& rest = partial();
      rest.in_frame = true;
      rest.header = header;
    }
    Partial& rest = *partial_;
    const size_t missing = rest.header.payload_size - rest.payload.size();
    const absl::Span<char> piece = bytes.first(std::min(bytes.size(), missing));
    Unmask(piece, rest.header.mask, rest.payload.size());
    rest.payload.append(piece.data(), piece.size());
    bytes.remove_prefix(piece.size());
    if (piece.size() < missing) return Verdict::kMore;
    rest.in_frame = false;
    const std::string payload = std::exchange(rest.payload, {});
    const Verdict verdict = Deliver(rest.header, payload, sink);
    if (verdict != Verdict::kMore) return verdict;
  }
  return Verdict::kMore;
}

FrameDecoder::Verdict FrameDecoder::Check(const Header& header) {
  if ((header.first_byte & kReservedBits) != 0) {
    return Fail(CloseCode::kProtocolError, "reserved bits are set: no extension was agreed on");
  }
  if (!header.masked) return Fail(CloseCode::kProtocolError, "frames from clients must be masked");
  if (!header.minimal) {
    return Fail(CloseCode::kProtocolError, "the frame's length is not in its shortest form");
  }
  const bool in_message = partial_ != nullptr && partial_->in_message;
  switch (header.opcode) {
    case Opcode::kClose:
    case Opcode::kPing:
    case Opcode::kPong:
      if (!header.fin) {
        return Fail(CloseCode::kProtocolError, "control frames must not be fragmented");
      }
      if (header.payload_size > kControlPayloadMax) {
        return Fail(CloseCode::kProtocolError, "control frames hold at most 125 bytes");
      }
      return Verdict::kMore;
    case Opcode::kText:
    case Opcode::kBinary:
      if (in_message) {
        return Fail(CloseCode::kProtocolError, "a message began before the last one ended");
      }
      break;
    case Opcode::kContinuation:
      if (!in_message) {
        return Fail(CloseCode::kProtocolError, "a continuation without a message to continue");
      }
      break;
    default:
      return Fail(CloseCode::kProtocolError, "unknown opcode");
  }
  const size_t before = in_message ? partial_->message.size() : 0;
  if (header.payload_size > message_bytes_max_ - before) {
    return Fail(CloseCode::kMessageTooBig, "the message is larger than message-bytes-max");
  }
  return Verdict::kMore;
}

FrameDecoder::Verdict FrameDecoder::Deliver(const Header& header, absl::string_view payload,
                                            FrameSink* sink) {
  switch (header.opcode) {
    case Opcode::kClose:
      return DeliverClose(payload, sink);
    case Opcode::kPing:
      return sink->OnPing(payload) ? Verdict::kMore : Verdict::kStopped;
    case Opcode::kPong:
      return sink->OnPong() ? Verdict::kMore : Verdict::kStopped;
    default:
      return DeliverData(header, payload, sink);
  }
}

FrameDecoder::Verdict FrameDecoder::DeliverData(const Header& header, absl::string_view payload,
                                                FrameSink* sink) {
  Opcode opcode = header.opcode;
  std::string message;
  if (opcode == Opcode::kContinuation || !header.fin) {
    Partial& rest = partial();
    if (opcode != Opcode::kContinuation) rest.message_opcode = opcode;
    rest.in_message = !header.fin;
    rest.message.append(payload.data(), payload.size());
    if (!header.fin) return Verdict::kMore;
    opcode = rest.message_opcode;
    message = std::exchange(rest.message, {});
    payload = message;
  }
  if (opcode == Opcode::kText && !IsUtf8(payload)) {
    return Fail(CloseCode::kInvalidData, "the text is not UTF-8");
  }
  return sink->OnMessage(opcode, payload) ? Verdict::kMore : Verdict::kStopped;
}

FrameDecoder::Verdict FrameDecoder::DeliverClose(absl::string_view payload, FrameSink* sink) {
  if (payload.empty()) {
    sink->OnClose(CloseCode::kNone, "");
    return Verdict::kStopped;
  }
  if (payload.size() == 1) return Fail(CloseCode::kProtocolError, "half a close code");
  const uint16_t code = static_cast<uint16_t>(LoadBigEndian(payload.data(), 2));
  if (!IsCloseCodeAllowed(code)) {
    return Fail(CloseCode::kProtocolError, "the close code may not be sent");
  }
  payload.remove_prefix(2);
  if (!IsUtf8(payload)) return Fail(CloseCode::kInvalidData, "the close reason is not UTF-8");
  sink->OnClose(static_cast<CloseCode>(code), payload);
  return Verdict::kStopped;
}

size_t EncodeFrameHeader(Opcode opcode, uint64_t payload_size, char* out) {
  out[0] = static_cast<char>(kFinBit | static_cast<uint8_t>(opcode));
  if (payload_size <= 125) {
    out[1] = static_cast<char>(payload_size);
    return 2;
  }
  const size_t extra = payload_size <= 0xffff ? 2 : 8;
  out[1] = static_cast<char>(extra == 2 ? 126 : 127);
  for (size_t i = 0; i < extra; ++i) {
    out[2 + i] = static_cast<char>(payload_size >> (8 * (extra - 1 - i)));
  }
  return 2 + extra;
}

void AppendFrame(Opcode opcode, absl::string_view payload, std::string* out) {
  char header[kFrameHeaderBytesMax];
  out->append(header, EncodeFrameHeader(opcode, payload.size(), header));
  out->append(payload.data(), payload.size());
}

void AppendCloseFrame(CloseCode code, absl::string_view reason, std::string* out) {
  std::string payload;
  if (code != CloseCode::kNone) {
    payload.push_back(static_cast<char>(static_cast<uint16_t>(code) >> 8));
    payload.push_back(static_cast<char>(static_cast<uint16_t>(code) & 0xff));
    const absl::string_view fitting = CutUtf8(reason, kControlPayloadMax - payload.size());
    payload.append(fitting.data(), fitting.size());
  }
  AppendFrame(Opcode::kClose, payload, out);
}

absl::string_view CutUtf8(absl::string_view text, size_t bytes_max) {
  if (text.size() <= bytes_max) return text;
  size_t end = bytes_max;
  while (end > 0 && (static_cast<uint8_t>(text[end]) & 0xc0) == 0x80) --end;
  return text.substr(0, end);
}

}  // namespace carillon::facade
