// A directory of its own for a test, removed at the end.
#ifndef CARILLON_TESTS_UNIT_STORE_TEMP_DIRECTORY_H_
#define CARILLON_TESTS_UNIT_STORE_TEMP_DIRECTORY_H_

#include <stdlib.h>

#include <filesystem>
#include <string>
#include <system_error>

#include "absl/base/internal/raw_logging.h"

namespace carillon::store {

class TempDirectory {
 public:
  TempDirectory() {
    path_ = (std::filesystem::temp_directory_path() / "carillon_store.XXXXXX").string();
    ABSL_RAW_CHECK(mkdtemp(path_.data()) != nullptr, "no directory for temporary files");
  }
  ~TempDirectory() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TempDirectory(const TempDirectory&) = delete;
  TempDirectory& operator=(const TempDirectory&) = delete;

  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

}  // namespace carillon::store

#endif  // CARILLON_TESTS_UNIT_STORE_TEMP_DIRECTORY_H_
