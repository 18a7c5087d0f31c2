// The frames of a client: however they are cut, the same is found in them. The first byte tells how
// they are cut.
#include <simdjson.h>

#include <algorithm>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/fuzz/fuzz.h"
#include "wsfacade/ws/frame_codec.h"

namespace carillon::facade {
namespace {

using fuzz::Require;

constexpr uint32_t kMessageBytesMax = 300;

class Recorder : public FrameSink {
 public:
  bool OnMessage(Opcode opcode, absl::string_view payload) override {
    Require(payload.size() <= kMessageBytesMax, "a message keeps to the limit");
    Require(opcode == Opcode::kText || opcode == Opcode::kBinary, "a message is text or binary");
    Require(opcode == Opcode::kBinary || simdjson::validate_utf8(payload.data(), payload.size()),
            "text is UTF-8");
    return Note(absl::StrCat("message ", static_cast<int>(opcode)), payload);
  }
  bool OnPing(absl::string_view payload) override {
    Require(payload.size() <= 125, "a ping is short");
    return Note("ping", payload);
  }
  bool OnPong() override { return Note("pong", ""); }
  void OnClose(CloseCode code, absl::string_view reason) override {
    Require(reason.size() <= 123, "a reason is short");
    Note(absl::StrCat("close ", static_cast<int>(code)), reason);
    closed_ = true;
  }

  const std::vector<std::string>& found() const { return found_; }

 private:
  bool Note(absl::string_view what, absl::string_view payload) {
    Require(!closed_, "nothing comes after a close");
    found_.push_back(absl::StrCat(what, " ", payload));
    return true;
  }

  bool closed_ = false;
  std::vector<std::string> found_;
};

// What the decoder finds in a copy of `bytes` that comes in pieces of `piece_size`.
std::vector<std::string> Decode(std::string bytes, size_t piece_size) {
  FrameDecoder decoder(kMessageBytesMax);
  Recorder recorder;
  auto verdict = FrameDecoder::Verdict::kMore;
  absl::Span<char> rest(bytes.data(), bytes.size());
  while (!rest.empty() && verdict == FrameDecoder::Verdict::kMore) {
    verdict = decoder.Feed(rest.subspan(0, piece_size), &recorder);
    rest.remove_prefix(std::min(piece_size, rest.size()));
  }
  std::vector<std::string> found = recorder.found();
  found.push_back(absl::StrCat("verdict ", static_cast<int>(verdict), " ",
                               static_cast<int>(decoder.error()), " ", decoder.error_reason()));
  Require(verdict != FrameDecoder::Verdict::kFailed || !decoder.error_reason().empty(),
          "a failure has a reason");
  return found;
}

}  // namespace
}  // namespace carillon::facade

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string bytes(carillon::fuzz::TextOf(data + 1, size - 1));
  const auto whole = carillon::facade::Decode(bytes, SIZE_MAX);
  carillon::fuzz::Require(carillon::facade::Decode(bytes, 1) == whole, "byte by byte is the same");
  carillon::fuzz::Require(carillon::facade::Decode(bytes, 1 + data[0]) == whole,
                          "in pieces is the same");
  return 0;
}
