// Small files: configuration, secrets, certificates.
#ifndef CARILLON_PROGRAM_FILES_H_
#define CARILLON_PROGRAM_FILES_H_

#include <sys/types.h>

#include <cstddef>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace carillon::program {

inline constexpr size_t kSmallFileBytesMax = 1 << 20;

// NOT_FOUND, PERMISSION_DENIED, INVALID_ARGUMENT (a folder, or larger than `bytes_max`); the
// message names the file.
absl::StatusOr<std::string> ReadFile(const std::string& path,
                                     size_t bytes_max = kSmallFileBytesMax);

// A token or password: the file's text without white space at its end. Logs a warning if others
// than owner and group may read it. INVALID_ARGUMENT too if it is empty.
absl::StatusOr<std::string> ReadSecretFile(const std::string& path);

// Readers see the old contents or the new, also after a crash; `mode` holds from the first byte.
absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents,
                                 mode_t mode = 0600);

}  // namespace carillon::program

#endif  // CARILLON_PROGRAM_FILES_H_
