// The version of this build.
#ifndef CARILLON_PROGRAM_VERSION_H_
#define CARILLON_PROGRAM_VERSION_H_

#include "absl/strings/string_view.h"

namespace carillon::program {

// "MAJOR.MINOR.PATCH", as in the top CMakeLists.txt.
absl::string_view Version();

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_VERSION_H_
