#include "broker/match/match_index.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <atomic>
#include <cstdlib>
#include <new>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"

namespace {

std::atomic<int64_t> allocations{0};

}  // namespace

// Counts, so that a test can see that nothing is allocated.
void* operator new(size_t size) {
  allocations.fetch_add(1, std::memory_order_relaxed);
  void* memory = std::malloc(size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }

namespace carillon::match {
namespace {

using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::testing::UnorderedElementsAre;

std::shared_ptr<const CompiledFilter> Compile(const std::string& text) {
  v1::Filter filter;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &filter)) << text;
  return CompiledFilter::Compile(filter).value();
}

class MatchIndexTest : public ::testing::Test {
 protected:
  std::vector<FilterSlot> Match(absl::string_view type, absl::string_view action,
                                absl::string_view key) {
    std::vector<FilterSlot> slots;
    index_.Match(type, action, key, &slots);
    return slots;
  }

  MatchIndex index_;
};

TEST_F(MatchIndexTest, AnEmptyIndexFindsNothing) {
  EXPECT_THAT(Match("machines", "save", "a"), IsEmpty());
  EXPECT_EQ(index_.size(), 0u);
}

TEST_F(MatchIndexTest, TheEmptyFilterMatchesEveryEvent) {
  index_.Add(0, Compile(""));
  EXPECT_THAT(Match("machines", "save", "a"), UnorderedElementsAre(0));
  EXPECT_THAT(Match("", "", ""), UnorderedElementsAre(0));
}

TEST_F(MatchIndexTest, TellsValuesPrefixesAndAnyApartInEachField) {
  index_.Add(0, Compile("type { values: 'machines' }"));
  index_.Add(1, Compile("type { prefixes: 'mach' }"));
  index_.Add(2, Compile("action { values: 'save' }"));
  index_.Add(3, Compile("action { prefixes: 'sa' }"));
  index_.Add(4, Compile("key { values: 'abc' }"));
  index_.Add(5, Compile("key { prefixes: 'a' }"));
  index_.Add(6,
             Compile("type { values: 'machines' } action { prefixes: 's' } key { values: 'x' }"));
  EXPECT_THAT(Match("machines", "save", "abc"), UnorderedElementsAre(0, 1, 2, 3, 4, 5));
  EXPECT_THAT(Match("machines", "sync", "x"), UnorderedElementsAre(0, 1, 6));
  EXPECT_THAT(Match("mach", "sa", "a"), UnorderedElementsAre(1, 3, 5));
  EXPECT_THAT(Match("profiles", "create", "b"), IsEmpty());
}

TEST_F(MatchIndexTest, AnEmptyValueMatchesOnlyAnEmptyField) {
  index_.Add(0, Compile("key { values: '' }"));
  EXPECT_THAT(Match("machines", "save", ""), UnorderedElementsAre(0));
  EXPECT_THAT(Match("machines", "save", "a"), IsEmpty());
}

TEST_F(MatchIndexTest, AFilterWithSeveralMatchingItemsIsFoundOnce) {
  index_.Add(0, Compile("key { values: 'abc' values: 'abc' prefixes: 'a' prefixes: 'ab' }"
                        "type { values: 'machines' prefixes: 'm' prefixes: 'machines' }"));
  EXPECT_THAT(Match("machines", "save", "abc"), UnorderedElementsAre(0));
  index_.Remove(0);
  EXPECT_THAT(Match("machines", "save", "abc"), IsEmpty());
}

TEST_F(MatchIndexTest, ARemoveTakesOnlyItsOwnFilter) {
  const auto filter = Compile("type { values: 'machines' }");
  for (FilterSlot slot = 0; slot < 5; ++slot) index_.Add(slot, filter);
  index_.Remove(1);
  EXPECT_THAT(Match("machines", "save", ""), UnorderedElementsAre(0, 2, 3, 4));
  index_.Remove(4);
  index_.Remove(0);
  EXPECT_THAT(Match("machines", "save", ""), UnorderedElementsAre(2, 3));
  index_.Add(0, Compile("type { values: 'profiles' }"));
  EXPECT_THAT(Match("machines", "save", ""), UnorderedElementsAre(2, 3));
  EXPECT_THAT(Match("profiles", "save", ""), UnorderedElementsAre(0));
  EXPECT_EQ(index_.size(), 3u);
}

// Three lists that would have 200 × 300 × 400 combinations.
TEST_F(MatchIndexTest, LongListsInAllFieldsTakeRoomForTheirItemsOnly) {
  v1::Filter filter;
  for (int i = 0; i < 200; ++i) filter.mutable_type()->add_values(absl::StrCat("t", i));
  for (int i = 0; i < 300; ++i) filter.mutable_action()->add_values(absl::StrCat("a", i));
  for (int i = 0; i < 400; ++i) filter.mutable_key()->add_values(absl::StrCat("k", i));
  index_.Add(0, CompiledFilter::Compile(filter).value());
  EXPECT_LT(index_.memory_bytes(), 200'000u);
  EXPECT_THAT(Match("t199", "a299", "k399"), UnorderedElementsAre(0));
  EXPECT_THAT(Match("t200", "a299", "k399"), IsEmpty());
  EXPECT_THAT(Match("t199", "a300", "k399"), IsEmpty());
  EXPECT_THAT(Match("t199", "a299", "k400"), IsEmpty());
  index_.Remove(0);
  EXPECT_THAT(Match("t199", "a299", "k399"), IsEmpty());
}

TEST_F(MatchIndexTest, GivesBackItsMemoryAsFiltersGo) {
  const size_t empty = index_.memory_bytes();
  constexpr FilterSlot kFilters = 20'000;
  for (FilterSlot slot = 0; slot < kFilters; ++slot) {
    index_.Add(slot, Compile(absl::StrCat("type { values: 'machines' } key { values: 'key-", slot,
                                          "' prefixes: '", slot, "-' }")));
  }
  const size_t full = index_.memory_bytes();
  for (FilterSlot slot = 10; slot < kFilters; ++slot) index_.Remove(slot);
  // What remains is mostly the slots.
  EXPECT_LT(index_.memory_bytes(), full / 3);
  for (FilterSlot slot = 0; slot < 10; ++slot) index_.Remove(slot);
  EXPECT_EQ(index_.memory_bytes(), empty);
}

TEST_F(MatchIndexTest, AnEventThatNobodyWantsAllocatesNothing) {
  for (FilterSlot slot = 0; slot < 1'000; ++slot) {
    index_.Add(slot, Compile(absl::StrCat("type { values: 'machines' prefixes: 'p", slot,
                                          "' } action { prefixes: 's' } key { values: 'key-", slot,
                                          "' prefixes: 'a", std::string(slot % 20, 'a'), "z' }")));
  }
  std::vector<FilterSlot> slots;
  const int64_t before = allocations.load();
  index_.Match("machines", "save", "aaaa-key-that-is-longer-than-a-small-string", &slots);
  index_.Match("p1", "create", "key-1", &slots);
  index_.Match("profiles", "save", "key-1", &slots);
  EXPECT_EQ(allocations.load(), before);
  EXPECT_THAT(slots, IsEmpty());
}

// An event with as many nested prefixes as its fields can have, for which a filter exists in each
// field: the index must not try all their combinations.
TEST_F(MatchIndexTest, NestedPrefixesInAllFieldsDoNotMultiply) {
  FilterSlot slot = 0;
  const auto add = [&](const std::string& type, const std::string& action, const std::string& key) {
    index_.Add(slot++, Compile(absl::StrCat("type { prefixes: '", type, "' } action { prefixes: '",
                                            action, "' } key { prefixes: '", key, "' }")));
  };
  for (size_t i = 1; i <= 128; ++i) add(std::string(i, 't'), "x", "x");
  for (size_t i = 1; i <= 128; ++i) add("x", std::string(i, 'a'), "x");
  for (size_t i = 1; i <= 1'024; ++i) add("x", "x", std::string(i, 'k'));
  for (size_t i = 1; i <= 128; ++i) add(std::string(i, 't'), std::string(i, 'a'), "k");
  const std::string type(128, 't');
  const std::string action(128, 'a');
  const std::string key(1'024, 'k');
  // All combinations would be 16 million look-ups an event, and this test would take minutes.
  for (int i = 0; i < 200; ++i) EXPECT_THAT(Match(type, action, key), SizeIs(128));
}

}  // namespace
}  // namespace carillon::match
