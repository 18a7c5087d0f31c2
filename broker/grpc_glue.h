// Where gRPC by itself would not tell what happens in the way that this program does.
#ifndef CARILLON_BROKER_GRPC_GLUE_H_
#define CARILLON_BROKER_GRPC_GLUE_H_

#include "absl/status/status.h"
#include "deploy/program/endpoint.h"

namespace carillon::broker {

// From now on gRPC's own lines are lines of this program's log. To be called before gRPC is used.
// Their level is at most warn: what they tell, in gRPC's words, befell one connection, or is told
// again by the program that fails because of it.
void RedirectGrpcLog();

// Whether a server can listen there, and if not, why: gRPC's server builder only says that it
// failed. Lets the address go again, so that another program may still take it.
absl::Status CheckCanListen(const program::Endpoint& endpoint);

}  // namespace carillon::broker

#endif  // CARILLON_BROKER_GRPC_GLUE_H_
