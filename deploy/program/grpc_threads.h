// The threads on which gRPC calls back.
//
// gRPC 1.51 itself has at least two. They wake each other for every packet, which costs more than
// the packet; and whenever one has had nothing to do for a second, it sleeps for a tenth of one, so
// that what comes after a silence comes late. These take its place and do neither.
#ifndef CARILLON_DEPLOY_PROGRAM_GRPC_THREADS_H_
#define CARILLON_DEPLOY_PROGRAM_GRPC_THREADS_H_

#include <functional>

namespace carillon::program {

// How many there are to be, at least 1, from when gRPC is next begun to be used until nothing uses
// it any more. Without effect where gRPC is linked statically or is not version 1.51: then it keeps
// its own. Who brings down the last channel or server must be none of them, for it joins them.
void SetGrpcThreads(int count);

// Has this thread run `work` as soon as nothing is left to call back for, or after 16 callbacks
// more; before it ends, in any case. False if it is none of those threads, or has not been idle
// since it last did such work.
bool WhenGrpcIsIdle(std::function<void()> work);

}  // namespace carillon::program

#endif  // CARILLON_DEPLOY_PROGRAM_GRPC_THREADS_H_
