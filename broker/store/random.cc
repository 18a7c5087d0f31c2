#include "broker/store/random.h"

#include <unistd.h>

#include "absl/base/internal/raw_logging.h"

namespace carillon::store {

std::string RandomBytes(size_t size) {
  std::string bytes(size, '\0');
  // Fails only for sizes above 256 and kernels without getrandom.
  ABSL_RAW_CHECK(getentropy(bytes.data(), bytes.size()) == 0, "the kernel has no randomness");
  return bytes;
}

}  // namespace carillon::store
