#include "wsfacade/ws/frame_codec.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace carillon::facade {
namespace {

using testing::ElementsAre;
using Verdict = FrameDecoder::Verdict;

// What a decoder found, as text.
class Recorder : public FrameSink {
 public:
  bool OnMessage(Opcode opcode, absl::string_view payload) override {
    found.push_back(absl::StrCat(opcode == Opcode::kText ? "text " : "binary ", payload));
    return !stop_at_message;
  }
  bool OnPing(absl::string_view payload) override {
    found.push_back(absl::StrCat("ping ", payload));
    return true;
  }
  bool OnPong() override {
    found.push_back("pong");
    return true;
  }
  void OnClose(CloseCode code, absl::string_view reason) override {
    found.push_back(absl::StrCat("close ", static_cast<int>(code), " ", reason));
  }

  std::vector<std::string> found;
  bool stop_at_message = false;
};

constexpr char kMask[4] = {'\x12', '\x34', '\x56', '\x78'};

std::string Masked(std::string payload) {
  for (size_t i = 0; i < payload.size(); ++i) payload[i] = payload[i] ^ kMask[i % 4];
  return payload;
}

// A client's frame; `first` is its first byte.
std::string Frame(int first, const std::string& payload) {
  std::string frame(1, static_cast<char>(first));
  if (payload.size() <= 125) {
    frame += static_cast<char>(0x80 | payload.size());
  } else if (payload.size() <= 0xffff) {
    frame += {'\xfe', static_cast<char>(payload.size() >> 8), static_cast<char>(payload.size())};
  } else {
    frame += '\xff';
    for (int shift = 56; shift >= 0; shift -= 8) {
      frame += static_cast<char>(static_cast<uint64_t>(payload.size()) >> shift);
    }
  }
  return frame + std::string(kMask, 4) + Masked(payload);
}
std::string Text(const std::string& payload) { return Frame(0x81, payload); }

constexpr uint32_t kMessageMax = 64 << 10;

struct Outcome {
  Verdict verdict;
  CloseCode error;
  std::vector<std::string> found;
};

// In pieces of `piece` bytes.
Outcome Decode(std::string bytes, size_t piece = SIZE_MAX, uint32_t message_max = kMessageMax) {
  FrameDecoder decoder(message_max);
  Recorder recorder;
  Verdict verdict = Verdict::kMore;
  for (size_t at = 0; at < bytes.size() && verdict == Verdict::kMore;) {
    const size_t size = std::min(piece, bytes.size() - at);
    verdict = decoder.Feed(absl::MakeSpan(bytes).subspan(at, size), &recorder);
    at += size;
  }
  return {verdict, decoder.error(), recorder.found};
}

void ExpectFailure(const std::string& bytes, CloseCode code) {
  for (size_t piece : {size_t{1}, size_t{7}, SIZE_MAX}) {
    const Outcome outcome = Decode(bytes, piece);
    EXPECT_EQ(outcome.verdict, Verdict::kFailed);
    EXPECT_EQ(outcome.error, code);
  }
}

TEST(FrameDecoderTest, DecodesTheExampleOfRfc6455) {
  const std::string frame("\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58", 11);
  EXPECT_THAT(Decode(frame).found, ElementsAre("text Hello"));
}

TEST(FrameDecoderTest, DecodesSeveralFramesOfOneRead) {
  EXPECT_THAT(Decode(Text("a") + Frame(0x89, "p") + Text("b") + Frame(0x8a, "")).found,
              ElementsAre("text a", "ping p", "text b", "pong"));
}

TEST(FrameDecoderTest, DecodesFramesHoweverTheyAreCut) {
  const std::string bytes = Text("short") + Text(std::string(300, 'm')) + Frame(0x82, "bin") +
                            Text(std::string(40000, 'l')) + Text("");
  const std::vector<std::string> whole = Decode(bytes).found;
  ASSERT_EQ(whole.size(), 5u);
  for (size_t piece : {1, 2, 3, 5, 7, 13, 64, 1000, 4096}) {
    EXPECT_EQ(Decode(bytes, piece).found, whole);
  }
}

TEST(FrameDecoderTest, JoinsFragmentsWithControlFramesBetweenThem) {
  EXPECT_THAT(
      Decode(Frame(0x01, "re") + Frame(0x89, "?") + Frame(0x00, "gis") + Frame(0x80, "ter")).found,
      ElementsAre("ping ?", "text register"));
}

TEST(FrameDecoderTest, AcceptsACharacterPartedByFragments) {
  EXPECT_THAT(Decode(Frame(0x01, "\xc3") + Frame(0x80, "\xa4")).found,
              ElementsAre("text \xc3\xa4"));
}

TEST(FrameDecoderTest, AcceptsAMessageOfExactlyTheLimit) {
  EXPECT_EQ(Decode(Text(std::string(kMessageMax, 'x'))).found.size(), 1u);
}

TEST(FrameDecoderTest, RefusesAMessageOverTheLimitBeforeItsPayloadComes) {
  const std::string header = Text(std::string(kMessageMax + 1, 'x')).substr(0, 14);
  ExpectFailure(header, CloseCode::kMessageTooBig);
}

TEST(FrameDecoderTest, RefusesFragmentsThatTogetherExceedTheLimit) {
  std::string bytes = Frame(0x01, std::string(kMessageMax, 'x')) + Frame(0x80, "y");
  ExpectFailure(bytes, CloseCode::kMessageTooBig);
}

TEST(FrameDecoderTest, RefusesTextThatIsNotUtf8) {
  ExpectFailure(Text("\xff"), CloseCode::kInvalidData);
  ExpectFailure(Text("\xc3"), CloseCode::kInvalidData);
  ExpectFailure(Text("\xed\xa0\x80"), CloseCode::kInvalidData);
  ExpectFailure(Frame(0x01, "\xc3") + Frame(0x80, "("), CloseCode::kInvalidData);
}

TEST(FrameDecoderTest, TakesAnyBytesInBinaryMessages) {
  EXPECT_EQ(Decode(Frame(0x82, "\xff\xfe")).found.size(), 1u);
}

TEST(FrameDecoderTest, RefusesFramesThatAreNotMasked) {
  ExpectFailure(std::string("\x81\x01x", 3), CloseCode::kProtocolError);
}

TEST(FrameDecoderTest, RefusesReservedBitsAndOpcodes) {
  for (int first : {0xc1, 0xa1, 0x91, 0x83, 0x87, 0x8b, 0x8f}) {
    ExpectFailure(Frame(first, "x"), CloseCode::kProtocolError);
  }
}

TEST(FrameDecoderTest, RefusesControlFramesThatAreFragmentedOrLarge) {
  ExpectFailure(Frame(0x09, "x"), CloseCode::kProtocolError);
  ExpectFailure(Frame(0x89, std::string(126, 'x')), CloseCode::kProtocolError);
}

TEST(FrameDecoderTest, RefusesFragmentsOutOfOrder) {
  ExpectFailure(Frame(0x80, "x"), CloseCode::kProtocolError);
  ExpectFailure(Frame(0x01, "x") + Text("y"), CloseCode::kProtocolError);
}

TEST(FrameDecoderTest, RefusesLengthsThatAreNotInTheShortestForm) {
  ExpectFailure(std::string("\x81\xfe\x00\x01", 4) + std::string(kMask, 4) + "x",
                CloseCode::kProtocolError);
  ExpectFailure(std::string("\x81\xff\x00\x00\x00\x00\x00\x00\x01\x00", 10) + std::string(kMask, 4),
                CloseCode::kProtocolError);
  ExpectFailure(std::string("\x81\xff\x80\x00\x00\x00\x00\x00\x00\x00", 10) + std::string(kMask, 4),
                CloseCode::kProtocolError);
}

TEST(FrameDecoderTest, TakesNothingAfterACloseFrame) {
  const Outcome outcome = Decode(Frame(0x88,
                                       "\x03\xe8"
                                       "bye") +
                                 Text("more"));
  EXPECT_EQ(outcome.verdict, Verdict::kStopped);
  EXPECT_THAT(outcome.found, ElementsAre("close 1000 bye"));
}

TEST(FrameDecoderTest, ACloseFrameMayBeEmpty) {
  EXPECT_THAT(Decode(Frame(0x88, "")).found, ElementsAre("close 1005 "));
}

TEST(FrameDecoderTest, RefusesCloseCodesThatMayNotBeSent) {
  for (int code : {0, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65535}) {
    const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
    ExpectFailure(Frame(0x88, payload), CloseCode::kProtocolError);
  }
  for (int code : {1000, 1003, 1007, 1014, 3000, 4999}) {
    const std::string payload{static_cast<char>(code >> 8), static_cast<char>(code)};
    EXPECT_EQ(Decode(Frame(0x88, payload)).verdict, Verdict::kStopped) << code;
  }
}

TEST(FrameDecoderTest, RefusesHalfACloseCodeAndAReasonThatIsNotUtf8) {
  ExpectFailure(Frame(0x88, "\x03"), CloseCode::kProtocolError);
  ExpectFailure(Frame(0x88, "\x03\xe8\xff"), CloseCode::kInvalidData);
}

TEST(FrameDecoderTest, StopsWhenTheSinkWantsNoMore) {
  FrameDecoder decoder(kMessageMax);
  Recorder recorder;
  recorder.stop_at_message = true;
  std::string bytes = Text("a") + Text("b");
  EXPECT_EQ(decoder.Feed(absl::MakeSpan(bytes), &recorder), Verdict::kStopped);
  EXPECT_THAT(recorder.found, ElementsAre("text a"));
}

TEST(FrameDecoderTest, RandomMessagesComeThroughRandomCuts) {
  std::mt19937 random(3);
  for (int round = 0; round < 300; ++round) {
    std::string bytes;
    std::vector<std::string> expected;
    for (int i = 0; i < 8; ++i) {
      std::string message;
      const int fragments = 1 + static_cast<int>(random() % 4);
      for (int f = 0; f < fragments; ++f) {
        const std::string part(random() % 400, static_cast<char>('a' + random() % 26));
        message += part;
        bytes += Frame((f == 0 ? 0x01 : 0) | (f + 1 == fragments ? 0x80 : 0), part);
        if (random() % 4 == 0) {
          bytes += Frame(0x89, "p");
          expected.push_back("ping p");
        }
      }
      // A ping after the last fragment comes after the message.
      const bool ping_last = !expected.empty() && expected.back() == "ping p" &&
                             bytes.size() >= 7 && bytes[bytes.size() - 7] == '\x89';
      if (ping_last) {
        expected.insert(expected.end() - 1, "text " + message);
      } else {
        expected.push_back("text " + message);
      }
    }
    ASSERT_EQ(Decode(bytes, 1 + random() % 200).found, expected);
  }
}

TEST(FrameEncoderTest, EncodesEachFormOfLength) {
  for (size_t size : {0, 1, 125, 126, 65535, 65536, 100000}) {
    std::string frame;
    AppendFrame(Opcode::kText, std::string(size, 'x'), &frame);
    const size_t header = size <= 125 ? 2 : size <= 65535 ? 4 : 10;
    EXPECT_EQ(frame.size(), header + size);
    EXPECT_EQ(static_cast<uint8_t>(frame[0]), 0x81);
    uint64_t length = static_cast<uint8_t>(frame[1]);
    if (header > 2) {
      length = 0;
      for (size_t i = 2; i < header; ++i) length = length << 8 | static_cast<uint8_t>(frame[i]);
    }
    EXPECT_EQ(length, size);
  }
}

TEST(FrameEncoderTest, CutsACloseReasonBetweenCharacters) {
  std::string reason(122, 'x');
  reason += "\xc3\xa4";
  std::string frame;
  AppendCloseFrame(CloseCode::kPolicyViolation, reason, &frame);
  EXPECT_EQ(frame, std::string("\x88\x7c\x03\xf0", 4) + std::string(122, 'x'));
}

TEST(FrameEncoderTest, ACloseFrameWithoutACodeIsEmpty) {
  std::string frame;
  AppendCloseFrame(CloseCode::kNone, "", &frame);
  EXPECT_EQ(frame, std::string("\x88\x00", 2));
}

TEST(CutUtf8Test, NeverPartsACharacter) {
  EXPECT_EQ(CutUtf8("abc", 3), "abc");
  EXPECT_EQ(CutUtf8("abc", 2), "ab");
  EXPECT_EQ(CutUtf8("a\xe2\x82\xac", 3), "a");
  EXPECT_EQ(CutUtf8("\xf0\x9f\x98\x80", 3), "");
}

}  // namespace
}  // namespace carillon::facade
