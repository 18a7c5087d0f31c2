#include "deploy/program/files.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "deploy/program/logging.h"

namespace carillon::program {
namespace {

struct Contents {
  std::string text;
  mode_t mode;
};

absl::Status Errno(absl::string_view what, const std::string& path) {
  const int error = errno;
  return absl::ErrnoToStatus(error, absl::StrCat("cannot ", what, " ", path));
}

absl::StatusOr<Contents> ReadWithMode(const std::string& path, size_t bytes_max) {
  // Not blocking: a FIFO is refused below, not waited for.
  const int fd = open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK);
  if (fd < 0) return Errno("open", path);
  absl::Cleanup closer = [fd] { close(fd); };
  struct stat status;
  if (fstat(fd, &status) != 0) return Errno("read", path);
  if (!S_ISREG(status.st_mode)) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is not a regular file"));
  }
  Contents contents{std::string(), status.st_mode};
  char buffer[16384];
  while (true) {
    const ssize_t count = read(fd, buffer, sizeof buffer);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno("read", path);
    if (count == 0) return contents;
    contents.text.append(buffer, static_cast<size_t>(count));
    if (contents.text.size() > bytes_max) {
      return absl::InvalidArgumentError(
          absl::StrCat(path, " is larger than the ", bytes_max, " bytes allowed"));
    }
  }
}

absl::Status WriteAll(int fd, absl::string_view contents, const std::string& path) {
  while (!contents.empty()) {
    const ssize_t count = write(fd, contents.data(), contents.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return Errno("write", path);
    contents.remove_prefix(static_cast<size_t>(count));
  }
  if (fsync(fd) != 0) return Errno("write", path);
  return absl::OkStatus();
}

absl::Status SyncFolderOf(const std::string& path) {
  const size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return Errno("open", folder);
  absl::Cleanup closer = [fd] { close(fd); };
  if (fsync(fd) != 0) return Errno("write", folder);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::string> ReadFile(const std::string& path, size_t bytes_max) {
  absl::StatusOr<Contents> contents = ReadWithMode(path, bytes_max);
  if (!contents.ok()) return contents.status();
  return std::move(contents->text);
}

absl::StatusOr<std::string> ReadSecretFile(const std::string& path) {
  absl::StatusOr<Contents> contents = ReadWithMode(path, kSmallFileBytesMax);
  if (!contents.ok()) return contents.status();
  absl::StripTrailingAsciiWhitespace(&contents->text);
  if (contents->text.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(path, " is empty"));
  }
  if ((contents->mode & S_IROTH) != 0) {
    Log(Level::kWarn, "everyone on this machine can read a secret: chmod 600 it", {{"file", path}});
  }
  return std::move(contents->text);
}

absl::Status WriteFileAtomically(const std::string& path, absl::string_view contents, mode_t mode) {
  std::string temporary = path + ".XXXXXX";
  const int fd = mkostemp(temporary.data(), O_CLOEXEC);  // with the mode 0600
  if (fd < 0) return Errno("write", path);
  absl::Cleanup remover = [&temporary] { unlink(temporary.c_str()); };
  absl::Status written = WriteAll(fd, contents, path);
  if (written.ok() && fchmod(fd, mode) != 0) written = Errno("set the mode of", path);
  close(fd);
  if (!written.ok()) return written;
  if (rename(temporary.c_str(), path.c_str()) != 0) return Errno("write", path);
  std::move(remover).Cancel();
  return SyncFolderOf(path);
}

}  // namespace carillon::program
