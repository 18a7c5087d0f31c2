// Gives events an identity of their own, so that publishing them again is harmless.
#ifndef CARILLON_CLIENTS_CPP_SRC_EVENT_IDS_H_
#define CARILLON_CLIENTS_CPP_SRC_EVENT_IDS_H_

#include <cstdint>
#include <string>

namespace carillon::client {

// Event ids "<130 random bits in base32>-<counter in hex>". The counter makes ids grow, which the
// broker stores the cheapest. Not thread-safe.
class EventIds {
 public:
  EventIds();
  std::string Next();

 private:
  std::string prefix_;
  uint64_t counter_ = 0;
};

}  // namespace carillon::client

#endif  // CARILLON_CLIENTS_CPP_SRC_EVENT_IDS_H_
