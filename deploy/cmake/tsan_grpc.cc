// Linked into programs that are built with ThreadSanitizer. Debian's gRPC, OpenSSL and abseil are
// not, so that the sanitizer does not see by what one of their threads hands something to another.
#include <dlfcn.h>
#include <sanitizer/tsan_interface.h>

// What malloc, free, memcpy and the like are called for from within those libraries is their own
// business.
extern "C" const char* __tsan_default_options() { return "ignore_noninstrumented_modules=1"; }

// The half of gRPC that its headers compile into us fills in batches of operations and completions,
// which it looks at again on the thread where they complete, before it drops the batch's reference
// to its call (below). Left out is what it does itself, at the very place of an access or through a
// function of the standard library; no code of ours is called from there.
extern "C" const char* __tsan_default_suppressions() {
  return "race_top:grpc::internal::\n"
         "race:grpc::internal::CallOp\n"
         "race:grpc::internal::InterceptorBatchMethodsImpl\n"
         "race:grpc::internal::CallbackWithSuccessTag::Set\n"
         "race:grpc::internal::CallbackWithSuccessTag::Clear\n";
}

// A batch holds a reference to its call, from before StartRead, StartWrite, Finish and their like
// return until just before the completion runs. So these tell of what libgrpc's atomics order: what
// came before the start comes before the completion. They stand before gRPC's own functions.
extern "C" {

struct grpc_call;

void grpc_call_ref(grpc_call* call) {
  static const auto real =
      reinterpret_cast<decltype(&grpc_call_ref)>(dlsym(RTLD_NEXT, "grpc_call_ref"));
  __tsan_release(call);
  real(call);
}

void grpc_call_unref(grpc_call* call) {
  static const auto real =
      reinterpret_cast<decltype(&grpc_call_unref)>(dlsym(RTLD_NEXT, "grpc_call_unref"));
  __tsan_release(call);
  real(call);
  __tsan_acquire(call);
}

}  // extern "C"
