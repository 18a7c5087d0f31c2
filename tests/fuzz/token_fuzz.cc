// Positions, tokens and session ids, as clients could hand them in.
#include <fuzzer/FuzzedDataProvider.h>

#include <string>

#include "broker/access/session_id.h"
#include "broker/access/token.h"
#include "broker/log/position.h"
#include "tests/fuzz/fuzz.h"
#include "tests/fuzz/quiet_protobuf.h"

namespace carillon {
namespace {

using fuzz::Require;

const std::string kKey(32, 'k');

void CheckPosition(absl::string_view text) {
  const auto position = log::DecodePosition(text);
  if (position.ok()) Require(log::PositionString(*position) == text, "a position has one text");
}

void CheckMadeUp(absl::string_view token) {
  static_cast<void>(access::PeekToken(token));
  Require(!access::VerifyToken(token, kKey).ok(), "a token cannot be made up");
  Require(!access::UnsealSessionId(token, "facade", kKey).has_value(),
          "a session id cannot be made up");
}

void CheckSigned(FuzzedDataProvider& choices) {
  access::SignedToken token;
  token.issue_time = absl::FromUnixSeconds(choices.ConsumeIntegral<uint32_t>());
  token.expire_time = absl::FromUnixSeconds(choices.ConsumeIntegral<uint32_t>());
  const size_t flipped = choices.ConsumeIntegral<uint16_t>();
  // Names hold no control characters, and are UTF-8.
  std::string name = choices.ConsumeRandomLengthString(100);
  for (char& c : name) c = static_cast<char>(0x20 + (static_cast<unsigned char>(c) % 0x5f));
  token.payload.set_sub(name);
  token.payload.add_roles(name);
  std::string text = access::SignToken(token, "key-id", kKey);
  const auto content = access::VerifyToken(text, kKey);
  Require(content.ok(), "what was signed is good");
  Require(content->payload.sub() == name && content->payload.roles(0) == name, "it says the same");
  Require(content->expire_time == token.expire_time, "and ends at the same time");
  Require(access::PeekToken(text)->subject == name, "of whom it is can be seen without the key");
  char& c = text[flipped % text.size()];
  c = c == 'A' ? 'B' : 'A';
  CheckMadeUp(text);
}

}  // namespace
}  // namespace carillon

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  carillon::CheckPosition(carillon::fuzz::TextOf(data, size));
  carillon::CheckMadeUp(carillon::fuzz::TextOf(data, size));
  FuzzedDataProvider choices(data, size);
  carillon::CheckSigned(choices);
  return 0;
}
