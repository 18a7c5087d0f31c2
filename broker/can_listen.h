// What gRPC's server builder does not tell.
#ifndef CARILLON_BROKER_CAN_LISTEN_H_
#define CARILLON_BROKER_CAN_LISTEN_H_

#include "absl/status/status.h"
#include "deploy/program/endpoint.h"

namespace carillon::broker {

// Whether a server can listen there, and if not, why: gRPC's server builder only says that it
// failed. Lets the address go again, so that another program may still take it.
absl::Status CheckCanListen(const program::Endpoint& endpoint);

}  // namespace carillon::broker

#endif  // CARILLON_BROKER_CAN_LISTEN_H_
