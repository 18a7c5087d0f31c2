// gRPC's own log lines.
#ifndef CARILLON_PROGRAM_GRPC_LOG_H_
#define CARILLON_PROGRAM_GRPC_LOG_H_

namespace carillon::program {

// From now on gRPC's own lines are lines of this program's log. To be called before gRPC is used.
// Their level is at most warn: what they tell, in gRPC's words, befell one connection, or is told
// again by the program that fails because of it.
void RedirectGrpcLog();

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_GRPC_LOG_H_
