#include "deploy/program/mutex_checks.h"

#include "absl/synchronization/mutex.h"

namespace carillon::program {

void SetUpMutexChecks() {
#ifdef NDEBUG
  absl::SetMutexDeadlockDetectionMode(absl::OnDeadlockCycle::kIgnore);
#endif
}

}  // namespace carillon::program
