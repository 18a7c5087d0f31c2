#include "broker/match/item_table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace carillon::match {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(ItemTableTest, GivesATextOneIdUntilItsLastUserLeaves) {
  ItemTable table;
  const ItemId a = table.Acquire("a");
  EXPECT_EQ(table.Acquire("a"), a);
  EXPECT_NE(table.Acquire("b"), a);
  EXPECT_EQ(table.Find("a"), a);
  EXPECT_FALSE(table.Release("a"));
  EXPECT_EQ(table.Find("a"), a);
  EXPECT_TRUE(table.Release("a"));
  EXPECT_EQ(table.Find("a"), kNoItem);
}

TEST(ItemTableTest, UsesIdsAgain) {
  ItemTable table;
  const ItemId a = table.Acquire("a");
  table.Acquire("b");
  table.Release("a");
  EXPECT_EQ(table.Acquire("c"), a);
  EXPECT_EQ(table.id_bound(), 2u);
}

TEST(PrefixTableTest, FindsAllPrefixesShortestFirst) {
  PrefixTable table;
  const ItemId long_one = table.Acquire("abcd");
  const ItemId short_one = table.Acquire("a");
  table.Acquire("b");
  table.Acquire("abcde");
  EXPECT_THAT(table.FindAll("abcd"), ElementsAre(short_one, long_one));
  EXPECT_THAT(table.FindAll("ab"), ElementsAre(short_one));
  EXPECT_THAT(table.FindAll(""), IsEmpty());
}

TEST(PrefixTableTest, KnowsWhatItFoundLast) {
  PrefixTable table;
  const ItemId a = table.Acquire("a");
  const ItemId b = table.Acquire("b");
  table.FindAll("a");
  EXPECT_TRUE(table.WasFound(a));
  EXPECT_FALSE(table.WasFound(b));
  table.FindAll("b");
  EXPECT_FALSE(table.WasFound(a));
  EXPECT_TRUE(table.WasFound(b));
}

TEST(PrefixTableTest, ForgetsPrefixesThatAreReleased) {
  PrefixTable table;
  table.Acquire("a");
  const ItemId a = table.Acquire("a");
  table.Acquire("ab");
  table.Release("ab");
  table.Release("a");
  EXPECT_THAT(table.FindAll("ab"), ElementsAre(a));
  table.Release("a");
  EXPECT_THAT(table.FindAll("ab"), IsEmpty());
  EXPECT_EQ(table.memory_bytes(), PrefixTable().memory_bytes());
}

}  // namespace
}  // namespace carillon::match
