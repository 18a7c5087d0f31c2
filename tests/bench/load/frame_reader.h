// The receiving half of a websocket client. Pure.
#ifndef CARILLON_TESTS_BENCH_LOAD_FRAME_READER_H_
#define CARILLON_TESTS_BENCH_LOAD_FRAME_READER_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>

#include "absl/strings/string_view.h"

namespace carillon::bench {

inline constexpr uint8_t kOpcodeContinuation = 0x0;
inline constexpr uint8_t kOpcodeText = 0x1;
inline constexpr uint8_t kOpcodeBinary = 0x2;
inline constexpr uint8_t kOpcodeClose = 0x8;
inline constexpr uint8_t kOpcodePing = 0x9;

// Finds frames in a byte stream, and copies nothing: payloads are handed on in the pieces in which
// they come.
class FrameReader {
 public:
  // Calls on_piece(opcode, bytes, ends_message) for each piece; `opcode` of a continuation is its
  // message's. False: this is not what a websocket server sends.
  template <typename OnPiece>
  bool Feed(absl::string_view bytes, OnPiece&& on_piece) {
    while (!bytes.empty()) {
      if (!in_payload_) {
        if (!TakeHeader(&bytes)) return false;
        if (!in_payload_) return true;
        if (left_ > 0) continue;
      }
      const size_t size = static_cast<size_t>(std::min<uint64_t>(left_, bytes.size()));
      left_ -= size;
      in_payload_ = left_ > 0;
      on_piece(opcode_, bytes.substr(0, size), left_ == 0 && final_);
      bytes.remove_prefix(size);
    }
    return true;
  }

 private:
  static size_t HeaderSize(uint8_t length) { return length == 127 ? 10 : length == 126 ? 4 : 2; }

  // False: broken. Otherwise the header is taken, or what there is of it.
  bool TakeHeader(absl::string_view* bytes) {
    size_t wanted = header_size_ < 2 ? 2 : HeaderSize(header_[1] & 0x7f);
    while (header_size_ < wanted) {
      const size_t size = std::min(wanted - header_size_, bytes->size());
      std::memcpy(&header_[header_size_], bytes->data(), size);
      header_size_ += size;
      bytes->remove_prefix(size);
      if (header_size_ < wanted) return true;
      wanted = HeaderSize(header_[1] & 0x7f);
    }
    header_size_ = 0;
    // Servers do not mask.
    if ((header_[1] & 0x80) != 0) return false;
    const uint8_t opcode = header_[0] & 0x0f;
    final_ = (header_[0] & 0x80) != 0;
    // Control frames may come between the frames of a message.
    if (opcode == kOpcodeText || opcode == kOpcodeBinary) message_opcode_ = opcode;
    opcode_ = opcode == kOpcodeContinuation ? message_opcode_ : opcode;
    left_ = header_[1] & 0x7f;
    if (wanted > 2) {
      left_ = 0;
      for (size_t i = 2; i < wanted; ++i) left_ = left_ << 8 | header_[i];
    }
    in_payload_ = true;
    return true;
  }

  std::array<uint8_t, 10> header_ = {};
  size_t header_size_ = 0;
  uint64_t left_ = 0;
  uint8_t opcode_ = 0;
  uint8_t message_opcode_ = 0;
  bool final_ = false;
  bool in_payload_ = false;
};

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_FRAME_READER_H_
