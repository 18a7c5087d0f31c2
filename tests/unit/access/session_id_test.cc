#include "broker/access/session_id.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

#include "absl/strings/escaping.h"
#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

const std::string kKey(32, 'k');

Grant Narrowed() {
  Grant grant;
  grant.principal = "zo\xc3\xab";
  grant.secret_digest = std::string("\0digest of 16 b", 16);
  grant.roles = {"ops", "dev"};
  grant.claim = MakeClaim("machines", "*", "a\\b");
  grant.expire_time = absl::FromUnixSeconds(1'700'003'600);
  return grant;
}

TEST(SessionId, HoldsTheWholeGrant) {
  const std::optional<Grant> grant =
      UnsealSessionId(SealSessionId(Narrowed(), "facade", kKey), "facade", kKey);
  ASSERT_TRUE(grant.has_value());
  EXPECT_EQ(grant->principal, Narrowed().principal);
  EXPECT_EQ(grant->secret_digest, Narrowed().secret_digest);
  EXPECT_EQ(grant->roles, Narrowed().roles);
  ASSERT_TRUE(grant->claim.has_value());
  EXPECT_EQ(grant->claim->specific(), "a\\b");
  EXPECT_EQ(grant->expire_time, Narrowed().expire_time);
}

TEST(SessionId, WithoutAnEndThereIsNone) {
  Grant grant;
  grant.principal = "ann";
  const auto unsealed = UnsealSessionId(SealSessionId(grant, "f", kKey), "f", kKey);
  ASSERT_TRUE(unsealed.has_value());
  EXPECT_EQ(unsealed->expire_time, absl::InfiniteFuture());
  EXPECT_FALSE(unsealed->claim.has_value());
}

TEST(SessionId, IsShort) {
  Grant grant;
  grant.principal = "rocketskates";
  grant.secret_digest = std::string(16, 'd');
  grant.expire_time = absl::FromUnixSeconds(1'700'003'600);
  EXPECT_LE(SealSessionId(grant, "facade", kKey).size(), 96u);
}

TEST(SessionId, IsNewEachTime) {
  std::set<std::string> ids;
  for (int i = 0; i < 100; ++i) ids.insert(SealSessionId(Narrowed(), "facade", kKey));
  EXPECT_EQ(ids.size(), 100u);
}

TEST(SessionId, IsGoodForItsOwnerAndKeyAlone) {
  const std::string id = SealSessionId(Narrowed(), "facade", kKey);
  EXPECT_FALSE(UnsealSessionId(id, "facad", kKey).has_value());
  EXPECT_FALSE(UnsealSessionId(id, "", kKey).has_value());
  EXPECT_FALSE(UnsealSessionId(id, "facade", std::string(32, 'l')).has_value());
}

TEST(SessionId, WithAnyBitFlippedIsNone) {
  std::string bytes;
  ASSERT_TRUE(absl::WebSafeBase64Unescape(SealSessionId(Narrowed(), "facade", kKey), &bytes));
  for (size_t bit = 0; bit < bytes.size() * 8; ++bit) {
    std::string flipped = bytes;
    flipped[bit / 8] = static_cast<char>(flipped[bit / 8] ^ (1 << (bit % 8)));
    EXPECT_FALSE(UnsealSessionId(absl::WebSafeBase64Escape(flipped), "facade", kKey).has_value())
        << bit;
  }
}

TEST(SessionId, CutOrLengthenedIsNone) {
  const std::string id = SealSessionId(Narrowed(), "facade", kKey);
  for (size_t size = 0; size < id.size(); ++size) {
    EXPECT_FALSE(UnsealSessionId(id.substr(0, size), "facade", kKey).has_value()) << size;
  }
  for (const char* more : {"A", "AA", "=", "==", " ", "\n"}) {
    EXPECT_FALSE(UnsealSessionId(id + more, "facade", kKey).has_value()) << more;
  }
}

TEST(SessionId, HasOneTextOnly) {
  // The last character has bits that stand for nothing.
  for (const char* principal : {"a", "ab", "abc"}) {
    Grant grant;
    grant.principal = principal;
    std::string id = SealSessionId(grant, "facade", kKey);
    const char last = id.back();
    int good = 0;
    for (char c :
         absl::string_view("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")) {
      id.back() = c;
      if (UnsealSessionId(id, "facade", kKey).has_value()) ++good;
    }
    EXPECT_EQ(good, 1) << principal << last;
  }
}

}  // namespace
}  // namespace carillon::access
