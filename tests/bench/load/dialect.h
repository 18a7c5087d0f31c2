// What a websocket client has to say to receive events, and how it finds them in what comes: for
// Carillon, NATS and MQTT. Pure.
#ifndef CARILLON_TESTS_BENCH_LOAD_DIALECT_H_
#define CARILLON_TESTS_BENCH_LOAD_DIALECT_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::bench {

// Hears what a StreamParser finds.
class MessageSink {
 public:
  virtual ~MessageSink() = default;
  // An event's text; valid during the call.
  virtual void OnEvent(absl::string_view text) = 0;
  // One of the dialect's answers to what was sent has come.
  virtual void OnAnswer() = 0;
  // To be sent as one websocket message.
  virtual void Send(absl::string_view message) = 0;
};

// Of one connection.
class StreamParser {
 public:
  virtual ~StreamParser() = default;
  // Pieces of websocket messages, in order.
  virtual absl::Status OnPiece(absl::string_view piece, bool ends_message, MessageSink* sink) = 0;
};

class Dialect {
 public:
  virtual ~Dialect() = default;

  // The request line's target and further header lines.
  virtual std::string target() const = 0;
  virtual std::string headers() const { return ""; }
  virtual uint8_t opcode() const = 0;

  // What to send after the upgrade to receive what matches; filters are "type.action.key". Sets how
  // many answers tell that all is in force.
  virtual std::vector<std::string> Register(const std::vector<std::string>& filters,
                                            int64_t connection, int* answers) const = 0;
  virtual std::unique_ptr<StreamParser> NewParser() const = 0;
};

// `name`: carillon, nats, mqtt. `token` is for Carillon.
absl::StatusOr<std::unique_ptr<Dialect>> MakeDialect(absl::string_view name, std::string token);

// MQTT packets, which publishers need too.
std::string MqttConnect(absl::string_view client_id);
void AppendMqttPublish(absl::string_view topic, absl::string_view payload, std::string* out);

}  // namespace carillon::bench

#endif  // CARILLON_TESTS_BENCH_LOAD_DIALECT_H_
