#include "carillon/client/filter_text.h"

#include <gmock/gmock.h>
#include <google/protobuf/util/message_differencer.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace carillon::client {
namespace {

using ::google::protobuf::util::MessageDifferencer;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

v1::Filter Parsed(absl::string_view text) {
  absl::StatusOr<v1::Filter> filter = ParseFilterText(text);
  EXPECT_TRUE(filter.ok()) << text << ": " << filter.status();
  return filter.ok() ? *filter : v1::Filter();
}

std::string ErrorOf(absl::string_view text) {
  const absl::StatusOr<v1::Filter> filter = ParseFilterText(text);
  EXPECT_TRUE(absl::IsInvalidArgument(filter.status())) << text << ": " << filter.status();
  return std::string(filter.status().message());
}

TEST(FilterTextTest, ThreeStarsMatchEverything) {
  EXPECT_TRUE(MessageDifferencer::Equals(Parsed("*.*.*"), v1::Filter()));
}

TEST(FilterTextTest, AStarLeavesItsPartOut) {
  const v1::Filter filter = Parsed("machines.*.*");
  EXPECT_THAT(filter.type().values(), ElementsAre("machines"));
  EXPECT_FALSE(filter.has_action());
  EXPECT_FALSE(filter.has_key());
}

TEST(FilterTextTest, AKeyMayHoldDotsAndSpaces) {
  const v1::Filter filter = Parsed("machines.*.3c7031fe-1f.example.com and spaces");
  EXPECT_THAT(filter.key().values(), ElementsAre("3c7031fe-1f.example.com and spaces"));
}

TEST(FilterTextTest, SpacesAroundAnItemAreDropped) {
  const v1::Filter filter = Parsed(" machines , profiles . save. a b ,c ");
  EXPECT_THAT(filter.type().values(), ElementsAre("machines", "profiles"));
  EXPECT_THAT(filter.action().values(), ElementsAre("save"));
  EXPECT_THAT(filter.key().values(), ElementsAre("a b", "c"));
}

TEST(FilterTextTest, EscapesStandForTheCharactersThatPartAndMatch) {
  const v1::Filter filter = Parsed(R"(a\1b\2c\3d.*.\3*)");
  EXPECT_THAT(filter.type().values(), ElementsAre("a.b,c*d"));
  EXPECT_THAT(filter.key().prefixes(), ElementsAre("*"));
}

TEST(FilterTextTest, ABackslashAndAnOuterSpaceCanBeEscaped) {
  EXPECT_THAT(Parsed(R"(*.*.CORP\\fred)").key().values(), ElementsAre("CORP\\fred"));
  EXPECT_THAT(Parsed(R"(*.*.\ a\  ,b)").key().values(), ElementsAre(" a ", "b"));
  EXPECT_THAT(Parsed(R"(*.*.a\\ )").key().values(), ElementsAre("a\\"));
}

TEST(FilterTextTest, ATrailingStarMakesAPrefix) {
  const v1::Filter filter = Parsed("*.*.rack-7*,rack-9,rack-8*");
  EXPECT_THAT(filter.key().prefixes(), ElementsAre("rack-7", "rack-8"));
  EXPECT_THAT(filter.key().values(), ElementsAre("rack-9"));
}

TEST(FilterTextTest, AStarAmongOtherItemsMatchesAnything) {
  EXPECT_TRUE(MessageDifferencer::Equals(Parsed("machines,*.*.a,*,b*"), v1::Filter()));
}

TEST(FilterTextTest, OrderAndRepeatsMakeNoDifference) {
  EXPECT_TRUE(MessageDifferencer::Equals(Parsed("b,a,b.save.y*,x*,y*"), Parsed("a,b.save.x*,y*")));
}

TEST(FilterTextTest, ErrorsSayWhatIsWrongAndWhatWouldBeRight) {
  const struct {
    absl::string_view text;
    absl::string_view wrong;
    absl::string_view right;
  } cases[] = {
      {"", "has 0", "type.action.key"},
      {"machines", "has 1", "machines.*.*"},
      {"machines.*", "has 2", "machines.*.*"},
      {".*.*", "type: is empty", "write \"*\""},
      {"*. .*", "action: is empty", "write \"*\""},
      {"*.*.", "key: is empty", "write \"*\""},
      {"*.*.a,,b", "key: an item", "between commas"},
      {"a,.*.*", "type: an item", "between commas"},
      {"*.*.a*b", "\"a*b\"", "\\3"},
      {"**.*.*", "type: \"*\" may only", "\\3"},
      {R"(*.*.a\4)", "unknown escape", "\"\\1\" stands for \".\""},
      {R"(*.*.a\)", "unknown escape", "\"\\1\" stands for \".\""},
      {"*.*.\xff", "not", "UTF-8"},
  };
  for (const auto& test : cases) {
    const std::string error = ErrorOf(test.text);
    EXPECT_THAT(error, HasSubstr(std::string(test.wrong))) << test.text;
    EXPECT_THAT(error, HasSubstr(std::string(test.right))) << test.text;
  }
}

std::string ManyItems(int count) {
  std::vector<int> items(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) items[static_cast<size_t>(i)] = i;
  return absl::StrJoin(items, ",");
}

TEST(FilterTextTest, TakesTenThousandItemsAPartAndNoMore) {
  EXPECT_EQ(Parsed(absl::StrCat("*.*.", ManyItems(10'000))).key().values_size(), 10'000);
  EXPECT_THAT(ErrorOf(absl::StrCat("*.*.", ManyItems(10'001))), HasSubstr("10000 items"));
}

TEST(FilterTextTest, TakesSixtyFourKibibytesEncodedAndNoMore) {
  const std::string key(65'536 - 8, 'k');
  EXPECT_EQ(Parsed(absl::StrCat("*.*.", key)).ByteSizeLong(), 65'536u);
  EXPECT_THAT(ErrorOf(absl::StrCat("*.*.k", key)), HasSubstr("65536 bytes"));
}

TEST(FilterTextTest, FormatsInCanonicalForm) {
  EXPECT_EQ(FormatFilterText(v1::Filter()), "*.*.*");
  EXPECT_EQ(FormatFilterText(Parsed("b , a.save.x*,k.1")), R"(a,b.save.k\11,x*)");
}

class RandomFilters {
 public:
  v1::Filter Next() {
    v1::Filter filter;
    if (Chance()) Fill(filter.mutable_type());
    if (Chance()) Fill(filter.mutable_action());
    if (Chance()) Fill(filter.mutable_key());
    return filter;
  }

  std::string Text() {
    static constexpr absl::string_view kAlphabet = "ab .,*\\13";
    std::string text;
    for (size_t i = 1 + random_() % 6; i > 0; --i) {
      text.push_back(kAlphabet[random_() % kAlphabet.size()]);
    }
    return text;
  }

 private:
  bool Chance() { return random_() % 2 == 0; }

  void Fill(v1::FieldMatch* match) {
    for (size_t i = 1 + random_() % 3; i > 0; --i) {
      if (Chance()) {
        match->add_values(Text());
      } else {
        match->add_prefixes(Text());
      }
    }
  }

  std::mt19937 random_{7};
};

// The filter with sorted items, each once.
v1::Filter Canonical(v1::Filter filter) {
  for (v1::FieldMatch* match :
       {filter.mutable_type(), filter.mutable_action(), filter.mutable_key()}) {
    for (auto* items : {match->mutable_values(), match->mutable_prefixes()}) {
      std::sort(items->begin(), items->end());
      items->erase(std::unique(items->begin(), items->end()), items->end());
    }
  }
  if (filter.type().ByteSizeLong() == 0) filter.clear_type();
  if (filter.action().ByteSizeLong() == 0) filter.clear_action();
  if (filter.key().ByteSizeLong() == 0) filter.clear_key();
  return filter;
}

TEST(FilterTextTest, AnyFilterComesBackFromItsText) {
  RandomFilters random;
  for (int i = 0; i < 20'000; ++i) {
    const v1::Filter filter = Canonical(random.Next());
    const std::string text = FormatFilterText(filter);
    ASSERT_TRUE(MessageDifferencer::Equals(Parsed(text), filter)) << text;
  }
}

TEST(FilterTextTest, AnyTextThatParsesMeansTheSameAsItsCanonicalForm) {
  RandomFilters random;
  int good = 0;
  for (int i = 0; i < 20'000; ++i) {
    const std::string text = absl::StrCat(random.Text(), ".", random.Text(), ".", random.Text());
    const absl::StatusOr<v1::Filter> filter = ParseFilterText(text);
    if (!filter.ok()) continue;
    ++good;
    ASSERT_TRUE(MessageDifferencer::Equals(Parsed(FormatFilterText(*filter)), *filter)) << text;
  }
  EXPECT_GT(good, 100);
}

}  // namespace
}  // namespace carillon::client
