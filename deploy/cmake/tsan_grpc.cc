// Linked into programs that are built with ThreadSanitizer. Debian's gRPC, OpenSSL and abseil are
// not, so that the sanitizer does not see by what one of their threads hands something to another.
#include <sanitizer/tsan_interface.h>

// What malloc, free, memcpy and the like are called for from within those libraries is their own
// business.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

// gRPC's headers hold the half of it that is compiled into us. That what a call starts with
// StartRead, StartWrite or Finish happens before its completion is run is due to atomics within
// libgrpc. Only these places are left out: what our own code does in a completion is looked at.
extern "C" const char* __tsan_default_suppressions() {
  return
      // Anything at the very place of an access.
      "race_top:grpc::\n"
      // A batch of operations: filled in by the thread that starts it, read by the one on which it
      // completes; with functions of the standard library at the very place.
      "race:grpc::internal::CallOp\n"
      "race:grpc::internal::InterceptorBatchMethodsImpl\n"
      // A completion's function: set before its call is used, run by gRPC's threads.
      "race:grpc::internal::CallbackWithSuccessTag::Set\n"
      "race:grpc::internal::CallbackWithSuccessTag::Clear\n";
}
