// The broker, put together.
#ifndef CARILLON_BROKER_SERVER_H_
#define CARILLON_BROKER_SERVER_H_

#include <memory>

#include "absl/status/statusor.h"
#include "broker/config.h"

namespace carillon::broker {

class Server {
 public:
  // Opens the store, makes the first account if there is none, and listens. An error says what to
  // do about it.
  static absl::StatusOr<std::unique_ptr<Server>> Start(const Config& config);
  ~Server();

  // Refuses new calls, ends streams, commits and answers what was accepted. Blocks, for
  // Config::drain_timeout at most.
  void Drain();

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace carillon::broker

#endif  // CARILLON_BROKER_SERVER_H_
