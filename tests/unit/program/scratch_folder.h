// A folder for one test, removed with all that is in it.
#ifndef CARILLON_TESTS_UNIT_PROGRAM_SCRATCH_FOLDER_H_
#define CARILLON_TESTS_UNIT_PROGRAM_SCRATCH_FOLDER_H_

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

namespace carillon::program {

class ScratchFolder {
 public:
  ScratchFolder() : path_(testing::TempDir() + "carillon.XXXXXX") {
    EXPECT_NE(mkdtemp(path_.data()), nullptr);
  }
  ~ScratchFolder() { std::filesystem::remove_all(path_); }
  ScratchFolder(const ScratchFolder&) = delete;
  ScratchFolder& operator=(const ScratchFolder&) = delete;

  std::string Path(const std::string& name) const { return path_ + "/" + name; }

  // Returns the path.
  std::string Write(const std::string& name, const std::string& text) const {
    std::ofstream(Path(name)) << text;
    return Path(name);
  }

 private:
  std::string path_;
};

}  // namespace carillon::program

#endif  // CARILLON_TESTS_UNIT_PROGRAM_SCRATCH_FOLDER_H_
