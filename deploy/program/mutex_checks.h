// Debian's abseil keeps a graph of which mutex was taken under which, guarded by one lock for all
// threads, to find deadlocks that could happen.
#ifndef CARILLON_DEPLOY_PROGRAM_MUTEX_CHECKS_H_
#define CARILLON_DEPLOY_PROGRAM_MUTEX_CHECKS_H_

namespace carillon::program {

// Switches that off where assertions are off, too. Before the first thread.
void SetUpMutexChecks();

}  // namespace carillon::program

#endif  // CARILLON_DEPLOY_PROGRAM_MUTEX_CHECKS_H_
