#include "broker/service/call_context.h"

namespace carillon::service {

void ActiveCalls::Enter(EndableCall* call) {
  absl::MutexLock lock(&mu_);
  ++count_;
  if (call == nullptr) return;
  endable_.insert(call);
  if (!end_.ok()) call->EndSoon(end_);
}

void ActiveCalls::Leave(EndableCall* call) {
  absl::MutexLock lock(&mu_);
  --count_;
  if (call != nullptr) endable_.erase(call);
}

void ActiveCalls::EndAll(const absl::Status& status) {
  absl::MutexLock lock(&mu_);
  end_ = status;
  for (EndableCall* call : endable_) call->EndSoon(status);
}

void ActiveCalls::AwaitNone() {
  absl::MutexLock lock(&mu_);
  mu_.Await(absl::Condition(
      +[](int64_t* count) { return *count == 0; }, &count_));
}

}  // namespace carillon::service
