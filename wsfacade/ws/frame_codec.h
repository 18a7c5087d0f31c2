// RFC 6455 framing, the server's side: bytes to messages and messages to bytes. Pure.
//
// No extensions: reserved bits are refused, and nothing is compressed.
#ifndef CARILLON_WSFACADE_WS_FRAME_CODEC_H_
#define CARILLON_WSFACADE_WS_FRAME_CODEC_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace carillon::facade {

// Section 7.4.1, and the IANA registry.
enum class CloseCode : uint16_t {
  kNormal = 1000,
  kGoingAway = 1001,
  kProtocolError = 1002,
  // Not sent: the peer's close frame held no code.
  kNone = 1005,
  // Not sent: the connection ended without a close frame.
  kAbnormal = 1006,
  kInvalidData = 1007,
  kPolicyViolation = 1008,
  kMessageTooBig = 1009,
  kInternalError = 1011,
  kTryAgainLater = 1013,
};

enum class Opcode : uint8_t {
  kContinuation = 0,
  kText = 1,
  kBinary = 2,
  kClose = 8,
  kPing = 9,
  kPong = 10,
};

// Takes what the decoder finds. Views are good until the call returns.
class FrameSink {
 public:
  virtual ~FrameSink() = default;
  // A whole message; text is valid UTF-8. False: no more, please.
  virtual bool OnMessage(Opcode opcode, absl::string_view payload) = 0;
  virtual bool OnPing(absl::string_view payload) = 0;
  virtual bool OnPong() = 0;
  // The peer's close frame; the decoder takes nothing after it.
  virtual void OnClose(CloseCode code, absl::string_view reason) = 0;
};

// Decodes the frames of one client, in whatever pieces they come. Holds memory only while a message
// is not complete.
class FrameDecoder {
 public:
  // `message_bytes_max`: of a message, all fragments together.
  explicit FrameDecoder(uint32_t message_bytes_max);
  ~FrameDecoder();
  FrameDecoder(const FrameDecoder&) = delete;
  FrameDecoder& operator=(const FrameDecoder&) = delete;

  enum class Verdict {
    // All was taken.
    kMore,
    // The sink wants no more, or a close frame came. Nothing more is to be fed.
    kStopped,
    // The peer broke the protocol: error() and error_reason() are for the close frame.
    kFailed,
  };

  // `bytes` are unmasked where they lie.
  Verdict Feed(absl::Span<char> bytes, FrameSink* sink);

  CloseCode error() const { return error_; }
  absl::string_view error_reason() const { return error_reason_; }

 private:
  struct Header;
  struct Partial;

  Verdict Fail(CloseCode code, const char* reason);
  Verdict FeedFrames(absl::Span<char> bytes, FrameSink* sink);
  // kMore: `header` is acceptable here.
  Verdict Check(const Header& header);
  Verdict Deliver(const Header& header, absl::string_view payload, FrameSink* sink);
  Verdict DeliverData(const Header& header, absl::string_view payload, FrameSink* sink);
  Verdict DeliverClose(absl::string_view payload, FrameSink* sink);
  Partial& partial();

  const uint32_t message_bytes_max_;
  CloseCode error_ = CloseCode::kNormal;
  const char* error_reason_ = "";
  std::unique_ptr<Partial> partial_;
};

// Largest header of a server's frame.
inline constexpr size_t kFrameHeaderBytesMax = 10;

// Writes the header of an unfragmented frame with so large a payload to `out`, which has room for
// kFrameHeaderBytesMax; returns its size.
size_t EncodeFrameHeader(Opcode opcode, uint64_t payload_size, char* out);
void AppendFrame(Opcode opcode, absl::string_view payload, std::string* out);
// A close frame; `reason` is cut to what fits (123 bytes) between characters.
void AppendCloseFrame(CloseCode code, absl::string_view reason, std::string* out);

// The longest beginning of `text`, which is UTF-8, that has at most `bytes_max` bytes and does not
// part a character.
absl::string_view CutUtf8(absl::string_view text, size_t bytes_max);

}  // namespace carillon::facade

#endif  // CARILLON_WSFACADE_WS_FRAME_CODEC_H_
