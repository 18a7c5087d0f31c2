#include "broker/service/call_context.h"

namespace carillon::service {

void ActiveCalls::Enter(EndableCall* call) {
  absl::MutexLock lock(&mu_);
  ++count_;
  if (call == nullptr) return;
  endable_.insert(call);
  if (!end_.ok()) call->EndSoon(end_);
}

void ActiveCalls::Leave(EndableCall* call, const access::Session* session) {
  absl::MutexLock lock(&mu_);
  --count_;
  if (call != nullptr) endable_.erase(call);
  if (session != nullptr) by_session_.erase(session);
}

void ActiveCalls::SetSession(EndableCall* call, const access::Session& session) {
  absl::MutexLock lock(&mu_);
  by_session_.emplace(&session, call);
  // It may have ended before it was known here.
  if (absl::Status end = session.end(); !end.ok()) call->EndSoon(end);
}

void ActiveCalls::OnSessionsChanged(const std::vector<access::SessionPtr>& sessions) {
  absl::MutexLock lock(&mu_);
  for (const access::SessionPtr& session : sessions) {
    const auto found = by_session_.find(session.get());
    if (found == by_session_.end()) continue;
    if (absl::Status end = session->end(); !end.ok()) found->second->EndSoon(end);
  }
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
