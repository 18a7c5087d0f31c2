#include "deploy/program/version.h"

namespace carillon::program {

absl::string_view Version() { return CARILLON_VERSION; }

}  // namespace carillon::program
