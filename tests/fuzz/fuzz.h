// What all fuzz targets share.
#ifndef CARILLON_TESTS_FUZZ_FUZZ_H_
#define CARILLON_TESTS_FUZZ_FUZZ_H_

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>

#include "absl/strings/string_view.h"

namespace carillon::fuzz {

inline absl::string_view TextOf(const uint8_t* data, size_t size) {
  return absl::string_view(reinterpret_cast<const char*>(data), size);
}

// Ends the program, which libFuzzer takes for a find, if something does not hold that should.
inline void Require(bool holds, absl::string_view what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %.*s\n", static_cast<int>(what.size()), what.data());
  std::abort();
}

}  // namespace carillon::fuzz

// Defined by each target.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);

#endif  // CARILLON_TESTS_FUZZ_FUZZ_H_
