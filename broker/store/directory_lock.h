// The broker's data directory, which one process at a time may use.
#ifndef CARILLON_BROKER_STORE_DIRECTORY_LOCK_H_
#define CARILLON_BROKER_STORE_DIRECTORY_LOCK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace carillon::store {

class DirectoryLock {
 public:
  // Creates the directory, with mode 0700, if it is not there, and holds the file "lock" in it
  // until destroyed or the process ends, however it does. FAILED_PRECONDITION: another process
  // holds it; the message says which.
  static absl::StatusOr<std::unique_ptr<DirectoryLock>> Acquire(const std::string& directory);
  ~DirectoryLock();
  DirectoryLock(const DirectoryLock&) = delete;
  DirectoryLock& operator=(const DirectoryLock&) = delete;

 private:
  explicit DirectoryLock(int fd) : fd_(fd) {}
  const int fd_;
};

// Makes the names in the directory durable: fsync of a file is not enough for a file that is new.
absl::Status SyncDirectory(const std::string& directory);

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_DIRECTORY_LOCK_H_
