// The threads on which gRPC calls back.
//
// gRPC 1.51 itself has at least two. They wake each other for every packet, which costs more than
// the packet; and whenever one has had nothing to do for a second, it sleeps for a tenth of one, so
// that what comes after a silence comes late. These take its place and do neither.
#ifndef CARILLON_DEPLOY_PROGRAM_GRPC_THREADS_H_
#define CARILLON_DEPLOY_PROGRAM_GRPC_THREADS_H_

#include <functional>

namespace carillon::program {

// How many there are to be; at least 1. Before the first call and the first server. Without effect
// where gRPC is linked statically or is not version 1.51: then it keeps its own.
void SetGrpcThreads(int count);

// Has this thread run `work` as soon as nothing is left to call back for, or after a few callbacks
// more. False: it will not, for this is none of those threads, or one that is busy: since it last
// did such work, there has always been something to call back for.
bool WhenGrpcIsIdle(std::function<void()> work);

}  // namespace carillon::program

#endif  // CARILLON_DEPLOY_PROGRAM_GRPC_THREADS_H_
