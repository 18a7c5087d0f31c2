#include "broker/store/directory_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <system_error>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace carillon::store {
namespace {

absl::Status Error(int code, absl::string_view doing, const std::string& path) {
  return absl::ErrnoToStatus(code, absl::StrCat(doing, " ", path));
}

absl::Status CreateDirectory(const std::string& directory) {
  std::filesystem::path path = std::filesystem::absolute(directory);
  // A slash at the end.
  if (!path.has_filename()) path = path.parent_path();
  const std::filesystem::path parent = path.parent_path();
  std::error_code error;
  std::filesystem::create_directories(parent, error);
  if (error) return Error(error.value(), "creating directory", parent.string());
  if (mkdir(path.c_str(), 0700) == 0) return SyncDirectory(parent.string());
  if (errno != EEXIST) return Error(errno, "creating directory", directory);
  if (std::filesystem::is_directory(path, error)) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(directory, " is not a directory"));
}

std::string ReadHolder(int fd) {
  char text[32];
  const ssize_t size = pread(fd, text, sizeof(text), 0);
  if (size <= 0) return "unknown";
  return std::string(absl::StripAsciiWhitespace({text, static_cast<size_t>(size)}));
}

// For the message of another broker alone, so that it is no error if it fails: in place, since a
// full disk may have no block for it.
void WriteHolder(int fd) {
  const std::string text = absl::StrFormat("%-11d\n", getpid());
  if (pwrite(fd, text.data(), text.size(), 0) < 0) errno = 0;
}

}  // namespace

absl::StatusOr<std::unique_ptr<DirectoryLock>> DirectoryLock::Acquire(
    const std::string& directory) {
  if (absl::Status status = CreateDirectory(directory); !status.ok()) return status;
  const std::string path = absl::StrCat(directory, "/lock");
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) return Error(errno, "opening", path);
  std::unique_ptr<DirectoryLock> lock(new DirectoryLock(fd));
  if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return Error(errno, "locking", path);
    return absl::FailedPreconditionError(
        absl::StrCat("another broker (process ", ReadHolder(fd), ") uses ", directory,
                     ": stop it, or give this one a directory of its own"));
  }
  WriteHolder(fd);
  return lock;
}

DirectoryLock::~DirectoryLock() { close(fd_); }

absl::Status SyncDirectory(const std::string& directory) {
  const int fd = open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Error(errno, "opening directory", directory);
  const int code = fsync(fd) == 0 ? 0 : errno;
  close(fd);
  return code == 0 ? absl::OkStatus() : Error(code, "syncing directory", directory);
}

}  // namespace carillon::store
