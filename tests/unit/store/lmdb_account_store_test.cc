#include "broker/store/lmdb_account_store.h"

#include "broker/store/lmdb_store.h"
#include "tests/unit/store/account_store_contract.h"
#include "tests/unit/store/temp_directory.h"

namespace carillon::access {
namespace {

class LmdbHome : public AccountStoreHome {
 public:
  LmdbHome() { Open(); }

  AccountStore* accounts() override { return store_->account_store(); }
  void Reopen() override {
    store_.reset();
    Open();
  }

 private:
  void Open() {
    auto store = store::LmdbStore::Open({directory_.path(), store::MapBytesFor(0)});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
  }

  store::TempDirectory directory_;
  std::unique_ptr<store::LmdbStore> store_;
};

std::unique_ptr<AccountStoreHome> MakeLmdbHome() { return std::make_unique<LmdbHome>(); }

INSTANTIATE_TEST_SUITE_P(Lmdb, AccountStoreContract, testing::Values(&MakeLmdbHome));

}  // namespace
}  // namespace carillon::access
