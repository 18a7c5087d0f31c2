#include "wsfacade/hub/session_registry.h"

#include <gtest/gtest.h>

#include <string>

namespace carillon::facade {
namespace {

TEST(SessionRegistryTest, EqualScopesAreOneObject) {
  SessionRegistry registry;
  const UserSessionPtr a = registry.Add("1", "fred", 0, "s");
  const UserSessionPtr b = registry.Add("2", "wilma", 1, "s");
  EXPECT_EQ(a->scope, b->scope);
  EXPECT_NE(registry.Add("3", "barney", 0, "t")->scope, a->scope);
}

TEST(SessionRegistryTest, AnIdIsGoodOnce) {
  SessionRegistry registry;
  EXPECT_NE(registry.Add("1", "fred", 0, "s"), nullptr);
  EXPECT_EQ(registry.Add("1", "fred", 0, "s"), nullptr);
}

TEST(SessionRegistryTest, NamesOnlySessionsOfTheScopeThatAreThereAndCertain) {
  SessionRegistry registry;
  const UserSessionPtr a = registry.Add("1", "fred", 0, "s");
  const UserSessionPtr b = registry.Add("2", "fred", 0, "s");
  const ScopePtr s = a->scope;
  registry.Remove(a);
  EXPECT_EQ(registry.AnyOf(s), b);
  b->scope_is_stale = true;
  EXPECT_EQ(registry.AnyOf(s), nullptr);
  registry.SetScope(b, "s");
  EXPECT_EQ(registry.AnyOf(s), b);
  registry.SetScope(b, "t");
  EXPECT_EQ(registry.AnyOf(s), nullptr);
  EXPECT_EQ(registry.AnyOf(b->scope), b);
}

TEST(SessionRegistryTest, RemovingTwiceOrAnotherOfTheSameIdDoesNothing) {
  SessionRegistry registry;
  const UserSessionPtr a = registry.Add("1", "fred", 0, "s");
  registry.Remove(a);
  const UserSessionPtr b = registry.Add("1", "fred", 0, "s");
  registry.Remove(a);
  EXPECT_EQ(registry.Find("1"), b);
  EXPECT_EQ(registry.size(), 1u);
}

TEST(SessionRegistryTest, ForgetsScopesThatNobodyUses) {
  SessionRegistry registry;
  std::weak_ptr<const std::string> first;
  for (int i = 0; i < 1000; ++i) {
    const UserSessionPtr session = registry.Add("id", "fred", 0, std::to_string(i));
    if (i == 0) first = session->scope;
    registry.Remove(session);
  }
  EXPECT_TRUE(first.expired());
}

}  // namespace
}  // namespace carillon::facade
