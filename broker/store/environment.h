// An LMDB environment: transactions that are committed or undone, and errors a user can act on.
#ifndef CARILLON_BROKER_STORE_ENVIRONMENT_H_
#define CARILLON_BROKER_STORE_ENVIRONMENT_H_

#include <lmdb.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/base/thread_annotations.h"
#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/synchronization/mutex.h"

namespace carillon::store {

// Between LMDB's values and text, of which neither owns the bytes.
MDB_val ValueOf(absl::string_view text);
absl::string_view TextOf(const MDB_val& value);

// One transaction, read or write. Views it gives out end with it, and with the next change made in
// it.
class Transaction {
 public:
  MDB_txn* get() const { return txn_; }

  // OK, or what a return code of LMDB means; `doing`, such as "reading events", goes into the
  // message. RESOURCE_EXHAUSTED: disk, map or transaction full. DATA_LOSS: the file is damaged.
  absl::Status Check(int code, absl::string_view doing);

  absl::StatusOr<std::optional<absl::string_view>> Get(MDB_dbi table, absl::string_view key);
  absl::Status Put(MDB_dbi table, absl::string_view key, absl::string_view value);
  // OK too if there is no such key.
  absl::Status Delete(MDB_dbi table, absl::string_view key);

 private:
  friend class Environment;
  MDB_txn* txn_ = nullptr;
  bool map_full_ = false;
};

// A cursor of a transaction, which must outlive it. Its methods return LMDB's codes, which
// Transaction::Check explains.
class Cursor {
 public:
  Cursor(const Transaction& txn, MDB_dbi table);
  ~Cursor();
  Cursor(const Cursor&) = delete;
  Cursor& operator=(const Cursor&) = delete;

  // Moves; MDB_SET_RANGE starts from *key.
  int Move(MDB_cursor_op op, MDB_val* key, MDB_val* value);
  int Put(MDB_val* key, MDB_val* value, unsigned flags);
  int DeleteCurrent();

 private:
  MDB_cursor* cursor_ = nullptr;
  int open_code_;
};

// Any thread.
class Environment {
 public:
  using Body = absl::FunctionRef<absl::Status(Transaction& txn)>;

  // Opens the file `path`, or creates it with mode 0600. No other process may have it open.
  // `map_bytes` bounds what is in it; the file can get somewhat larger, by pages that are free but
  // not many in a row, and by what WriteEvenIfFull takes. FAILED_PRECONDITION: it is not an LMDB
  // file of a version that this LMDB reads.
  static absl::StatusOr<std::unique_ptr<Environment>> Open(const std::string& path,
                                                           uint64_t map_bytes);
  ~Environment();
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;

  // Runs `body` on a snapshot. Keep it short: what it sees cannot be reused meanwhile.
  absl::Status Read(Body body) const ABSL_LOCKS_EXCLUDED(map_mu_);

  // Runs `body` and commits, or changes nothing if that or `body` fails. On disk when it returns
  // OK. One at a time; others wait. May run `body` again.
  absl::Status Write(Body body) ABSL_LOCKS_EXCLUDED(write_mu_, map_mu_);

  // The same for small changes that must be possible when the map is full: removing takes pages
  // before it gives them back. What it adds to the map is not for Write to fill.
  absl::Status WriteEvenIfFull(Body body) ABSL_LOCKS_EXCLUDED(write_mu_, map_mu_);

 private:
  Environment(MDB_env* env, std::string path, uint64_t map_bytes);

  bool MapHasGrown() const;
  // RESOURCE_EXHAUSTED if `map_bytes` are in use. Walks through all free pages.
  absl::Status CheckRoomLocked() const ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_)
      ABSL_LOCKS_EXCLUDED(map_mu_);
  // Runs `body` until the map is large enough for it.
  absl::Status WriteGrowingLocked(Body body) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_)
      ABSL_LOCKS_EXCLUDED(map_mu_);
  absl::Status WriteLocked(Body body, bool* map_full) ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_);
  absl::Status GrowMapLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(write_mu_)
      ABSL_LOCKS_EXCLUDED(map_mu_);
  bool DiskIsFull() const;

  MDB_env* const env_;
  const std::string path_;
  const uint64_t map_bytes_;
  // Held for a write transaction. LMDB has a lock for that itself, but must not be asked to move
  // the map while there is one.
  absl::Mutex write_mu_ ABSL_ACQUIRED_BEFORE(map_mu_);
  // Shared for a read transaction, exclusive while the map moves.
  mutable absl::Mutex map_mu_;
};

}  // namespace carillon::store

#endif  // CARILLON_BROKER_STORE_ENVIRONMENT_H_
