// A host and a port, as flags and log lines write them.
#ifndef CARILLON_PROGRAM_ENDPOINT_H_
#define CARILLON_PROGRAM_ENDPOINT_H_

#include <cstdint>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::program {

struct Endpoint {
  // A name or an address; IPv6 without brackets. Empty: none, the service is off.
  std::string host;
  // 0: whichever is free.
  uint16_t port = 0;

  bool empty() const { return host.empty(); }
  // Reachable from this machine only: "localhost", 127.0.0.0/8 or ::1.
  bool IsLoopback() const;
  // "HOST:PORT", IPv6 in brackets; "" for none.
  std::string ToString() const;

  friend bool operator==(const Endpoint& a, const Endpoint& b) = default;
};

// INVALID_ARGUMENT: not HOST:PORT, with the port 0 to 65535 and IPv6 in brackets. The message
// begins with the text in quotes and says what would be right.
absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view text);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_ENDPOINT_H_
