// The embedded store: accounts and the event log in one LMDB file, and the log's journal, in a
// directory that one broker at a time may use. ARCHITECTURE.md, "The store", specifies what lies on
// disk.
#ifndef CARILLON_BROKER_STORE_LMDB_STORE_H_
#define CARILLON_BROKER_STORE_LMDB_STORE_H_

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "broker/access/account_store.h"
#include "broker/log/event_log.h"
#include "broker/store/directory_lock.h"
#include "broker/store/environment.h"
#include "broker/store/lmdb_account_store.h"
#include "broker/store/lmdb_event_log.h"
#include "broker/store/tables.h"

namespace carillon::store {

// The map that a log needs that keeps `log_bytes_max` bytes of records: room for event ids, for
// pages that are half empty, and for those that are dead until they are used again. A multiple of
// 4,096, at most 64 TiB.
uint64_t MapBytesFor(uint64_t log_bytes_max);

struct StoreOptions {
  // Created with mode 0700 if it is not there.
  std::string directory;
  // About the largest size of the file, a multiple of 4,096; see Environment::Open. It is address
  // space, not memory, and disk only as far as it is used.
  uint64_t map_bytes = MapBytesFor(uint64_t{16} << 30);
};

class LmdbStore {
 public:
  // FAILED_PRECONDITION: another broker uses the directory, or what is in it is of a format this
  // one does not know.
  static absl::StatusOr<std::unique_ptr<LmdbStore>> Open(const StoreOptions& options);
  // Flushes.
  ~LmdbStore();
  LmdbStore(const LmdbStore&) = delete;
  LmdbStore& operator=(const LmdbStore&) = delete;

  // After the last append: brings everything into store.mdb. If it fails nothing is lost, but the
  // journal is still needed.
  absl::Status Flush() { return event_log_->Flush(); }

  // Both live as long as the store.
  log::EventLog* event_log() { return event_log_.get(); }
  access::AccountStore* account_store() { return account_store_.get(); }

 private:
  LmdbStore() = default;

  std::unique_ptr<DirectoryLock> lock_;
  std::unique_ptr<Environment> environment_;
  std::unique_ptr<LmdbEventLog> event_log_;
  std::unique_ptr<LmdbAccountStore> account_store_;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_LMDB_STORE_H_
