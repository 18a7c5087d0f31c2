#include "broker/store/environment.h"

#include <sys/statvfs.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "absl/strings/str_cat.h"

namespace carillon::store {
namespace {

constexpr unsigned kTablesMax = 16;
constexpr unsigned kReadersMax = 1024;
constexpr uint64_t kGrowthBytes = 16 << 20;
constexpr int kGrowthsMax = 16;
constexpr uint64_t kDiskFullBytes = 1 << 20;

absl::StatusCode CodeOf(int code) {
  switch (code) {
    case MDB_MAP_FULL:
    case MDB_TXN_FULL:
    case MDB_READERS_FULL:
    case ENOSPC:
    case EDQUOT:
    case EFBIG:
    case ENOMEM:
      return absl::StatusCode::kResourceExhausted;
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return absl::StatusCode::kDataLoss;
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
    case MDB_INCOMPATIBLE:
      return absl::StatusCode::kFailedPrecondition;
    case EACCES:
    case EPERM:
    case EROFS:
      return absl::StatusCode::kPermissionDenied;
    case ENOENT:
      return absl::StatusCode::kNotFound;
    default:
      return absl::StatusCode::kInternal;
  }
}

// What the user can do about it.
absl::string_view AdviceFor(int code) {
  switch (code) {
    case MDB_MAP_FULL:
      return "the store has reached its largest size: wait for old events to be removed, or allow "
             "the log more bytes";
    case MDB_TXN_FULL:
      return "too many changes at once: publish smaller batches";
    case ENOSPC:
    case EDQUOT:
      return "the disk is full: make room on it, or keep fewer events";
    case EFBIG:
      return "the file may not grow: raise the limit on file sizes (ulimit -f)";
    case ENOMEM:
      return "not enough memory or address space: allow the log fewer bytes, or raise the limit "
             "(ulimit -v)";
    case MDB_INVALID:
    case MDB_VERSION_MISMATCH:
      return "it is not a store of this program: name another directory";
    case MDB_PANIC:
      return "a write to the disk failed before: look into the system's log, then restart";
    case MDB_CORRUPTED:
    case MDB_PAGE_NOTFOUND:
      return "the file is damaged: restore it from a backup";
    default:
      return "";
  }
}

absl::Status ErrorOf(int code, absl::string_view doing) {
  if (code == MDB_SUCCESS) return absl::OkStatus();
  const absl::string_view advice = AdviceFor(code);
  return absl::Status(CodeOf(code), absl::StrCat(doing, ": ", mdb_strerror(code),
                                                 advice.empty() ? "" : "; ", advice));
}

// The pages that are free, once those who still read them have ended. `txn` is a read transaction.
absl::StatusOr<uint64_t> CountFreePages(Transaction& txn) {
  // LMDB's own table of them: under each key an array of page numbers with its length in front.
  constexpr MDB_dbi kFreePagesTable = 0;
  Cursor cursor(txn, kFreePagesTable);
  uint64_t pages = 0;
  MDB_val key, value;
  int code;
  while ((code = cursor.Move(MDB_NEXT, &key, &value)) == MDB_SUCCESS) {
    size_t count;
    std::memcpy(&count, value.mv_data, sizeof(count));
    pages += count;
  }
  if (code != MDB_NOTFOUND) return txn.Check(code, "reading the store");
  return pages;
}

}  // namespace

MDB_val ValueOf(absl::string_view text) {
  return MDB_val{text.size(), const_cast<char*>(text.data())};
}

absl::string_view TextOf(const MDB_val& value) {
  return absl::string_view(static_cast<const char*>(value.mv_data), value.mv_size);
}

absl::Status Transaction::Check(int code, absl::string_view doing) {
  if (code == MDB_MAP_FULL) map_full_ = true;
  return ErrorOf(code, doing);
}

absl::StatusOr<std::optional<absl::string_view>> Transaction::Get(MDB_dbi table,
                                                                  absl::string_view key) {
  MDB_val key_value = ValueOf(key);
  MDB_val value;
  const int code = mdb_get(txn_, table, &key_value, &value);
  if (code == MDB_NOTFOUND) return std::nullopt;
  if (absl::Status status = Check(code, "reading the store"); !status.ok()) return status;
  return TextOf(value);
}

absl::Status Transaction::Put(MDB_dbi table, absl::string_view key, absl::string_view value) {
  MDB_val key_value = ValueOf(key);
  MDB_val put_value = ValueOf(value);
  return Check(mdb_put(txn_, table, &key_value, &put_value, 0), "writing to the store");
}

absl::Status Transaction::Delete(MDB_dbi table, absl::string_view key) {
  MDB_val key_value = ValueOf(key);
  const int code = mdb_del(txn_, table, &key_value, nullptr);
  return code == MDB_NOTFOUND ? absl::OkStatus() : Check(code, "removing from the store");
}

Cursor::Cursor(const Transaction& txn, MDB_dbi table)
    : open_code_(mdb_cursor_open(txn.get(), table, &cursor_)) {}

Cursor::~Cursor() {
  if (open_code_ == MDB_SUCCESS) mdb_cursor_close(cursor_);
}

int Cursor::Move(MDB_cursor_op op, MDB_val* key, MDB_val* value) {
  return open_code_ == MDB_SUCCESS ? mdb_cursor_get(cursor_, key, value, op) : open_code_;
}

int Cursor::Put(MDB_val* key, MDB_val* value, unsigned flags) {
  return open_code_ == MDB_SUCCESS ? mdb_cursor_put(cursor_, key, value, flags) : open_code_;
}

int Cursor::DeleteCurrent() {
  return open_code_ == MDB_SUCCESS ? mdb_cursor_del(cursor_, 0) : open_code_;
}

absl::StatusOr<std::unique_ptr<Environment>> Environment::Open(const std::string& path,
                                                               uint64_t map_bytes) {
  const std::string doing = absl::StrCat("opening ", path);
  MDB_env* env = nullptr;
  if (int code = mdb_env_create(&env); code != MDB_SUCCESS) return ErrorOf(code, doing);
  std::unique_ptr<Environment> environment(new Environment(env, path, map_bytes));
  int code = mdb_env_set_mapsize(env, map_bytes);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxdbs(env, kTablesMax);
  if (code == MDB_SUCCESS) code = mdb_env_set_maxreaders(env, kReadersMax);
  // MDB_NOTLS: read transactions belong to no thread, so that any number of threads may read.
  if (code == MDB_SUCCESS) code = mdb_env_open(env, path.c_str(), MDB_NOSUBDIR | MDB_NOTLS, 0600);
  if (code != MDB_SUCCESS) return ErrorOf(code, doing);
  return environment;
}

Environment::Environment(MDB_env* env, std::string path, uint64_t map_bytes)
    : env_(env), path_(std::move(path)), map_bytes_(map_bytes) {}

Environment::~Environment() { mdb_env_close(env_); }

absl::Status Environment::Read(Body body) const {
  absl::ReaderMutexLock map_lock(&map_mu_);
  Transaction txn;
  const int code = mdb_txn_begin(env_, nullptr, MDB_RDONLY, &txn.txn_);
  if (code != MDB_SUCCESS) return ErrorOf(code, "reading the store");
  absl::Status status = body(txn);
  mdb_txn_abort(txn.txn_);
  return status;
}

absl::Status Environment::Write(Body body) {
  absl::MutexLock lock(&write_mu_);
  // LMDB itself sees to the limit until the map has grown.
  if (MapHasGrown()) {
    if (absl::Status status = CheckRoomLocked(); !status.ok()) return status;
  }
  bool map_full = false;
  absl::Status status = WriteLocked(body, &map_full);
  // There may be free pages that are too few in a row, or were freed only just now.
  if (!map_full || !CheckRoomLocked().ok()) return status;
  return WriteGrowingLocked(body);
}

absl::Status Environment::WriteEvenIfFull(Body body) {
  absl::MutexLock lock(&write_mu_);
  return WriteGrowingLocked(body);
}

absl::Status Environment::WriteGrowingLocked(Body body) {
  for (int growths = 0;; ++growths) {
    bool map_full = false;
    absl::Status status = WriteLocked(body, &map_full);
    if (!map_full || growths == kGrowthsMax) return status;
    if (absl::Status grown = GrowMapLocked(); !grown.ok()) return grown;
  }
}

absl::Status Environment::WriteLocked(Body body, bool* map_full) {
  Transaction txn;
  int code = mdb_txn_begin(env_, nullptr, 0, &txn.txn_);
  if (code != MDB_SUCCESS) return ErrorOf(code, "writing to the store");
  absl::Status status = body(txn);
  if (status.ok()) {
    code = mdb_txn_commit(txn.txn_);
    // LMDB calls a write that the end of the disk cut short an I/O error.
    if (code == EIO && DiskIsFull()) code = ENOSPC;
    status = txn.Check(code, "writing to the store");
  } else {
    mdb_txn_abort(txn.txn_);
  }
  *map_full = txn.map_full_;
  return status;
}

bool Environment::MapHasGrown() const {
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  return info.me_mapsize > map_bytes_;
}

absl::Status Environment::CheckRoomLocked() const {
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  MDB_stat stat;
  mdb_env_stat(env_, &stat);
  return Read([&](Transaction& txn) {
    const absl::StatusOr<uint64_t> free_pages = CountFreePages(txn);
    if (!free_pages.ok()) return free_pages.status();
    const uint64_t used_pages = info.me_last_pgno + 1 - *free_pages;
    const bool has_room = used_pages < map_bytes_ / stat.ms_psize;
    return has_room ? absl::OkStatus() : txn.Check(MDB_MAP_FULL, "writing to the store");
  });
}

absl::Status Environment::GrowMapLocked() {
  absl::WriterMutexLock map_lock(&map_mu_);
  MDB_envinfo info;
  mdb_env_info(env_, &info);
  return ErrorOf(mdb_env_set_mapsize(env_, info.me_mapsize + kGrowthBytes), "enlarging the store");
}

bool Environment::DiskIsFull() const {
  struct statvfs disk;
  return statvfs(path_.c_str(), &disk) == 0 && disk.f_bavail * disk.f_frsize < kDiskFullBytes;
}

}  // namespace carillon::store
