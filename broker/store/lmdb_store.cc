#include "broker/store/lmdb_store.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"

namespace carillon::store {
namespace {

constexpr uint64_t kMapFactor = 4;
constexpr uint64_t kMapExtraBytes = uint64_t{1} << 30;
constexpr uint64_t kMapBytesMax = uint64_t{64} << 40;
constexpr uint64_t kPageBytes = 4096;

}  // namespace

uint64_t MapBytesFor(uint64_t log_bytes_max) {
  const uint64_t factor_max = (kMapBytesMax - kMapExtraBytes) / kMapFactor;
  const uint64_t bytes = std::min(log_bytes_max, factor_max) * kMapFactor + kMapExtraBytes;
  return bytes / kPageBytes * kPageBytes;
}

absl::StatusOr<std::unique_ptr<LmdbStore>> LmdbStore::Open(const StoreOptions& options) {
  std::unique_ptr<LmdbStore> store(new LmdbStore());
  auto lock = DirectoryLock::Acquire(options.directory);
  if (!lock.ok()) return lock.status();
  store->lock_ = *std::move(lock);

  const std::string path = absl::StrCat(options.directory, "/store.mdb");
  auto environment = Environment::Open(path, options.map_bytes);
  if (!environment.ok()) return environment.status();
  store->environment_ = *std::move(environment);

  const absl::StatusOr<OpenedTables> opened = OpenTables(*store->environment_);
  if (!opened.ok()) {
    return absl::Status(opened.status().code(),
                        absl::StrCat(path, ": ", opened.status().message()));
  }
  auto journal = Journal::Open(absl::StrCat(options.directory, "/journal"), opened->epoch);
  if (!journal.ok()) return journal.status();
  if (absl::Status status = SyncDirectory(options.directory); !status.ok()) return status;

  auto event_log = LmdbEventLog::Open(store->environment_.get(), opened->tables, opened->epoch,
                                      *std::move(journal));
  if (!event_log.ok()) return event_log.status();
  store->event_log_ = *std::move(event_log);
  store->account_store_ =
      std::make_unique<LmdbAccountStore>(store->environment_.get(), opened->tables);
  return store;
}

LmdbStore::~LmdbStore() {
  // Not there if it could not be opened: then the journal is left as it is.
  if (event_log_ != nullptr) Flush().IgnoreError();
}

}  // namespace carillon::store
