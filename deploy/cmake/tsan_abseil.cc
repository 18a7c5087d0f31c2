// Linked into programs that are built with ThreadSanitizer. Debian's abseil is not, so that the
// sanitizer sees neither who holds an absl::Mutex nor what a Notification orders. These functions
// stand before abseil's own, call them, and tell it.
//
// A thread that unlocks evaluates the Conditions of those that wait, still under the lock but after
// the release is told: what it reads meanwhile is not looked at.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

#include "absl/synchronization/mutex.h"
#include "absl/synchronization/notification.h"

extern "C" void AnnotateIgnoreReadsBegin(const char* file, int line);
extern "C" void AnnotateIgnoreReadsEnd(const char* file, int line);

namespace {

class Unseen {
 public:
  Unseen() { AnnotateIgnoreReadsBegin(__FILE__, __LINE__); }
  ~Unseen() { AnnotateIgnoreReadsEnd(__FILE__, __LINE__); }
};

void Acquired(const void* object) { __tsan_acquire(const_cast<void*>(object)); }
void Releasing(const void* object) { __tsan_release(const_cast<void*>(object)); }

// abseil's own function of this mangled name.
template <typename Function>
Function* Real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

}  // namespace

#define CARILLON_REAL(signature, name) \
  static const auto real = Real<signature>("_ZN4absl7debian3" name)
#define CARILLON_REAL_CONST(signature, name) \
  static const auto real = Real<signature>("_ZNK4absl7debian3" name)

namespace absl {
ABSL_NAMESPACE_BEGIN

void Mutex::Lock() {
  CARILLON_REAL(void(Mutex*), "5Mutex4LockEv");
  Unseen unseen;
  real(this);
  Acquired(this);
}

void Mutex::Unlock() {
  CARILLON_REAL(void(Mutex*), "5Mutex6UnlockEv");
  Unseen unseen;
  Releasing(this);
  real(this);
}

bool Mutex::TryLock() {
  CARILLON_REAL(bool(Mutex*), "5Mutex7TryLockEv");
  Unseen unseen;
  if (!real(this)) return false;
  Acquired(this);
  return true;
}

void Mutex::ReaderLock() {
  CARILLON_REAL(void(Mutex*), "5Mutex10ReaderLockEv");
  Unseen unseen;
  real(this);
  Acquired(this);
}

void Mutex::ReaderUnlock() {
  CARILLON_REAL(void(Mutex*), "5Mutex12ReaderUnlockEv");
  Unseen unseen;
  Releasing(this);
  real(this);
}

void Mutex::LockWhen(const Condition& condition) {
  CARILLON_REAL(void(Mutex*, const Condition&), "5Mutex8LockWhenERKNS0_9ConditionE");
  Unseen unseen;
  real(this, condition);
  Acquired(this);
}

bool Mutex::LockWhenWithTimeout(const Condition& condition, absl::Duration timeout) {
  CARILLON_REAL(bool(Mutex*, const Condition&, absl::Duration),
                "5Mutex19LockWhenWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  Unseen unseen;
  const bool holds = real(this, condition, timeout);
  Acquired(this);
  return holds;
}

bool Mutex::LockWhenWithDeadline(const Condition& condition, absl::Time deadline) {
  CARILLON_REAL(bool(Mutex*, const Condition&, absl::Time),
                "5Mutex20LockWhenWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  Unseen unseen;
  const bool holds = real(this, condition, deadline);
  Acquired(this);
  return holds;
}

void Mutex::Await(const Condition& condition) {
  CARILLON_REAL(void(Mutex*, const Condition&), "5Mutex5AwaitERKNS0_9ConditionE");
  Unseen unseen;
  Releasing(this);
  real(this, condition);
  Acquired(this);
}

bool Mutex::AwaitWithTimeout(const Condition& condition, absl::Duration timeout) {
  CARILLON_REAL(bool(Mutex*, const Condition&, absl::Duration),
                "5Mutex16AwaitWithTimeoutERKNS0_9ConditionENS0_8DurationE");
  Unseen unseen;
  Releasing(this);
  const bool holds = real(this, condition, timeout);
  Acquired(this);
  return holds;
}

bool Mutex::AwaitWithDeadline(const Condition& condition, absl::Time deadline) {
  CARILLON_REAL(bool(Mutex*, const Condition&, absl::Time),
                "5Mutex17AwaitWithDeadlineERKNS0_9ConditionENS0_4TimeE");
  Unseen unseen;
  Releasing(this);
  const bool holds = real(this, condition, deadline);
  Acquired(this);
  return holds;
}

void CondVar::Wait(Mutex* mutex) {
  CARILLON_REAL(void(CondVar*, Mutex*), "7CondVar4WaitEPNS0_5MutexE");
  Unseen unseen;
  Releasing(mutex);
  real(this, mutex);
  Acquired(mutex);
}

bool CondVar::WaitWithTimeout(Mutex* mutex, absl::Duration timeout) {
  CARILLON_REAL(bool(CondVar*, Mutex*, absl::Duration),
                "7CondVar15WaitWithTimeoutEPNS0_5MutexENS0_8DurationE");
  Unseen unseen;
  Releasing(mutex);
  const bool timed_out = real(this, mutex, timeout);
  Acquired(mutex);
  return timed_out;
}

bool CondVar::WaitWithDeadline(Mutex* mutex, absl::Time deadline) {
  CARILLON_REAL(bool(CondVar*, Mutex*, absl::Time),
                "7CondVar16WaitWithDeadlineEPNS0_5MutexENS0_4TimeE");
  Unseen unseen;
  Releasing(mutex);
  const bool timed_out = real(this, mutex, deadline);
  Acquired(mutex);
  return timed_out;
}

void Notification::Notify() {
  CARILLON_REAL(void(Notification*), "12Notification6NotifyEv");
  Releasing(this);
  real(this);
}

void Notification::WaitForNotification() const {
  CARILLON_REAL_CONST(void(const Notification*), "12Notification19WaitForNotificationEv");
  real(this);
  Acquired(this);
}

bool Notification::WaitForNotificationWithTimeout(absl::Duration timeout) const {
  CARILLON_REAL_CONST(bool(const Notification*, absl::Duration),
                      "12Notification30WaitForNotificationWithTimeoutENS0_8DurationE");
  const bool notified = real(this, timeout);
  Acquired(this);
  return notified;
}

bool Notification::WaitForNotificationWithDeadline(absl::Time deadline) const {
  CARILLON_REAL_CONST(bool(const Notification*, absl::Time),
                      "12Notification31WaitForNotificationWithDeadlineENS0_4TimeE");
  const bool notified = real(this, deadline);
  Acquired(this);
  return notified;
}

ABSL_NAMESPACE_END
}  // namespace absl
