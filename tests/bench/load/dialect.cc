#include "tests/bench/load/dialect.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "tests/bench/load/frame_reader.h"

namespace carillon::bench {
namespace {

// Each websocket message is an event.
class CarillonParser : public StreamParser {
 public:
  absl::Status OnPiece(absl::string_view piece, bool ends_message, MessageSink* sink) override {
    if (!ends_message || !begun_.empty()) {
      absl::StrAppend(&begun_, piece);
      if (!ends_message) return absl::OkStatus();
      piece = begun_;
    }
    const absl::Status status = OnMessage(piece, sink);
    begun_.clear();
    return status;
  }

 private:
  static absl::Status OnMessage(absl::string_view message, MessageSink* sink) {
    // Answers are short; events of other types are not looked into.
    constexpr absl::string_view kAnswer = "\"Type\":\"websocket\",\"Action\":\"";
    const size_t found = message.substr(0, 100).find(kAnswer);
    if (found == absl::string_view::npos) {
      sink->OnEvent(message);
      return absl::OkStatus();
    }
    if (message.substr(found + kAnswer.size(), 8) != "register") {
      return absl::InternalError(absl::StrCat("a register was refused: ", message));
    }
    sink->OnAnswer();
    return absl::OkStatus();
  }

  std::string begun_;
};

class CarillonDialect : public Dialect {
 public:
  explicit CarillonDialect(std::string token) : token_(std::move(token)) {}

  std::string target() const override { return "/api/v3/ws"; }
  std::string headers() const override {
    return absl::StrCat("Authorization: Bearer ", token_, "\r\n");
  }
  uint8_t opcode() const override { return kOpcodeText; }

  std::vector<std::string> Register(const std::vector<std::string>& filters, int64_t /*connection*/,
                                    int* answers) const override {
    std::vector<std::string> commands;
    for (const std::string& filter : filters) commands.push_back("register " + filter);
    *answers = static_cast<int>(filters.size());
    return commands;
  }
  std::unique_ptr<StreamParser> NewParser() const override {
    return std::make_unique<CarillonParser>();
  }

 private:
  std::string token_;
};

// Websocket messages are pieces of a stream of packets.
class PacketParser : public StreamParser {
 public:
  absl::Status OnPiece(absl::string_view piece, bool /*ends_message*/, MessageSink* sink) override {
    if (left_over_.empty()) {
      const absl::StatusOr<size_t> taken = TakeAll(piece, sink);
      if (!taken.ok()) return taken.status();
      left_over_.assign(piece.data() + *taken, piece.size() - *taken);
      return absl::OkStatus();
    }
    absl::StrAppend(&left_over_, piece);
    const absl::StatusOr<size_t> taken = TakeAll(left_over_, sink);
    if (!taken.ok()) return taken.status();
    left_over_.erase(0, *taken);
    return absl::OkStatus();
  }

 protected:
  // Handles the packet that `bytes` begins with; its size, or 0 if it is not complete.
  virtual absl::StatusOr<size_t> TakeOne(absl::string_view bytes, MessageSink* sink) = 0;

 private:
  absl::StatusOr<size_t> TakeAll(absl::string_view bytes, MessageSink* sink) {
    size_t taken = 0;
    while (taken < bytes.size()) {
      const absl::StatusOr<size_t> size = TakeOne(bytes.substr(taken), sink);
      if (!size.ok()) return size.status();
      if (*size == 0) break;
      taken += *size;
    }
    return taken;
  }

  std::string left_over_;
};

class NatsParser : public PacketParser {
 protected:
  absl::StatusOr<size_t> TakeOne(absl::string_view bytes, MessageSink* sink) override {
    const size_t line_end = bytes.find("\r\n");
    if (line_end == absl::string_view::npos) return 0;
    const absl::string_view line = bytes.substr(0, line_end);
    if (line.substr(0, 4) == "MSG ") return TakeMessage(bytes, line, sink);
    if (line == "PING") sink->Send("PONG\r\n");
    if (line == "PONG") sink->OnAnswer();
    if (line.substr(0, 4) == "-ERR") return absl::InternalError(std::string(line));
    return line_end + 2;
  }

 private:
  // "MSG subject id size"
  static absl::StatusOr<size_t> TakeMessage(absl::string_view bytes, absl::string_view line,
                                            MessageSink* sink) {
    size_t payload_size = 0;
    for (size_t i = line.rfind(' ') + 1; i < line.size(); ++i) {
      payload_size = payload_size * 10 + static_cast<size_t>(line[i] - '0');
    }
    const size_t payload = line.size() + 2;
    if (bytes.size() < payload + payload_size + 2) return 0;
    sink->OnEvent(bytes.substr(payload, payload_size));
    return payload + payload_size + 2;
  }
};

class NatsDialect : public Dialect {
 public:
  std::string target() const override { return "/"; }
  uint8_t opcode() const override { return kOpcodeBinary; }

  std::vector<std::string> Register(const std::vector<std::string>& filters, int64_t /*connection*/,
                                    int* answers) const override {
    std::string text =
        "CONNECT {\"verbose\":false,\"pedantic\":false,\"lang\":\"bench\",\"version\":\"1\","
        "\"protocol\":1}\r\n";
    int id = 0;
    for (const std::string& filter : filters) {
      absl::StrAppend(&text, "SUB ", filter, " ", ++id, "\r\n");
    }
    text += "PING\r\n";
    *answers = 1;
    return {text};
  }
  std::unique_ptr<StreamParser> NewParser() const override {
    return std::make_unique<NatsParser>();
  }
};

void AppendMqttLength(size_t length, std::string* out) {
  do {
    const size_t rest = length >> 7;
    out->push_back(static_cast<char>((length & 0x7f) | (rest > 0 ? 0x80 : 0)));
    length = rest;
  } while (length > 0);
}

void AppendMqttText(absl::string_view text, std::string* out) {
  out->push_back(static_cast<char>(text.size() >> 8));
  out->push_back(static_cast<char>(text.size() & 0xff));
  absl::StrAppend(out, text);
}

std::string MqttPacket(uint8_t first, absl::string_view body) {
  std::string packet(1, static_cast<char>(first));
  AppendMqttLength(body.size(), &packet);
  absl::StrAppend(&packet, body);
  return packet;
}

class MqttParser : public PacketParser {
 protected:
  absl::StatusOr<size_t> TakeOne(absl::string_view bytes, MessageSink* sink) override {
    size_t length = 0;
    size_t header = 1;
    for (int shift = 0;; shift += 7) {
      if (header >= bytes.size()) return 0;
      const uint8_t byte = static_cast<uint8_t>(bytes[header++]);
      length |= static_cast<size_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) == 0) break;
      if (shift > 21) return absl::InternalError("not an MQTT packet");
    }
    if (bytes.size() < header + length) return 0;
    OnPacket(static_cast<uint8_t>(bytes[0]), bytes.substr(header, length), sink);
    return header + length;
  }

 private:
  static void OnPacket(uint8_t first, absl::string_view body, MessageSink* sink) {
    constexpr uint8_t kPublish = 3;
    constexpr uint8_t kSubscribeAck = 9;
    if (first >> 4 == kSubscribeAck) sink->OnAnswer();
    if (first >> 4 != kPublish || body.size() < 2) return;
    const size_t topic =
        static_cast<size_t>(static_cast<uint8_t>(body[0])) << 8 | static_cast<uint8_t>(body[1]);
    sink->OnEvent(body.substr(std::min(body.size(), 2 + topic)));
  }
};

class MqttDialect : public Dialect {
 public:
  std::string target() const override { return "/mqtt"; }
  std::string headers() const override { return "Sec-WebSocket-Protocol: mqtt\r\n"; }
  uint8_t opcode() const override { return kOpcodeBinary; }

  std::vector<std::string> Register(const std::vector<std::string>& filters, int64_t connection,
                                    int* answers) const override {
    std::string subscribe("\0\1", 2);
    for (const std::string& filter : filters) {
      AppendMqttText(absl::StrReplaceAll(filter, {{".", "/"}, {"*", "+"}}), &subscribe);
      subscribe.push_back('\0');
    }
    *answers = 1;
    return {MqttConnect(absl::StrCat("bench-", connection)), MqttPacket(0x82, subscribe)};
  }
  std::unique_ptr<StreamParser> NewParser() const override {
    return std::make_unique<MqttParser>();
  }
};

}  // namespace

std::string MqttConnect(absl::string_view client_id) {
  // Version 3.1.1, a clean session, no keep-alive.
  std::string body("\0\4MQTT\4\2\0\0", 10);
  AppendMqttText(client_id, &body);
  return MqttPacket(0x10, body);
}

void AppendMqttPublish(absl::string_view topic, absl::string_view payload, std::string* out) {
  out->push_back(0x30);
  AppendMqttLength(2 + topic.size() + payload.size(), out);
  AppendMqttText(topic, out);
  absl::StrAppend(out, payload);
}

absl::StatusOr<std::unique_ptr<Dialect>> MakeDialect(absl::string_view name, std::string token) {
  if (name == "carillon") return std::make_unique<CarillonDialect>(std::move(token));
  if (name == "nats") return std::make_unique<NatsDialect>();
  if (name == "mqtt") return std::make_unique<MqttDialect>();
  return absl::InvalidArgumentError(absl::StrCat("unknown dialect '", name, "'"));
}

}  // namespace carillon::bench
