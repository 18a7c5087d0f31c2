#include "broker/access/scope.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "broker/access/scope_table.h"
#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

CompiledClaim Claim(absl::string_view scope, absl::string_view action, absl::string_view specific) {
  return CompiledClaim::Compile(MakeClaim(scope, action, specific)).value();
}

TEST(Claim, CoversAllForAStar) {
  EXPECT_TRUE(Claim("*", "*", "*").Covers("machines", "create", "m1"));
  EXPECT_TRUE(Claim("*", "*", "*").covers_everything());
}

TEST(Claim, CoversTheValuesOfItsLists) {
  const CompiledClaim claim = Claim("machines, profiles", "save", "*");
  EXPECT_TRUE(claim.Covers("machines", "save", "m1"));
  EXPECT_TRUE(claim.Covers("profiles", "save", ""));
  EXPECT_FALSE(claim.Covers("profiles", "create", "m1"));
  EXPECT_FALSE(claim.Covers("machines, profiles", "save", "m1"));
}

TEST(Claim, AStarInAListIsAStar) { EXPECT_TRUE(Claim("a,*", "x", "y").Covers("b", "x", "y")); }

TEST(Claim, AStarWithinAValueIsJustAStar) {
  EXPECT_FALSE(Claim("mach*", "*", "*").Covers("machines", "x", "y"));
  EXPECT_TRUE(Claim("mach*", "*", "*").Covers("mach*", "x", "y"));
}

TEST(Claim, RefusesEmptyMembersAndValuesByName) {
  for (const auto& [claim, member] : std::vector<std::pair<v1::Claim, std::string>>{
           {MakeClaim("", "*", "*"), "scope"},
           {MakeClaim("*", "a,,b", "*"), "action"},
           {MakeClaim("*", "*", " "), "specific"},
           {MakeClaim("*", "*", "a\nb"), "specific"},
           {MakeClaim(std::string(4097, 'x'), "*", "*"), "scope"}}) {
    const auto compiled = CompiledClaim::Compile(claim);
    EXPECT_EQ(compiled.status().code(), absl::StatusCode::kInvalidArgument);
    EXPECT_THAT(std::string(compiled.status().message()), ::testing::StartsWith(member + ": "));
  }
  EXPECT_TRUE(CompiledClaim::Compile(MakeClaim(std::string(4096, 'x'), "*", "*")).ok());
}

TEST(Claim, TextIsEqualForWhatCoversTheSame) {
  EXPECT_EQ(Claim("b, a,b", "x", "*").text(), Claim("a,b", "x", "y,*").text());
  EXPECT_EQ(Claim("a,b", "x", "*").text(), "a,b.x.*");
}

TEST(Claim, TextDiffersWhereDotsWouldBlurIt) {
  EXPECT_NE(Claim("a.b", "c", "d").text(), Claim("a", "b.c", "d").text());
  EXPECT_NE(Claim("a\\1b", "c", "d").text(), Claim("a.b", "c", "d").text());
}

TEST(Claim, IntersectionIsWhatBothCover) {
  const auto common = CompiledClaim::Intersection(Claim("a,b", "*", "1,2"), Claim("b,c", "x", "*"));
  ASSERT_TRUE(common.has_value());
  EXPECT_EQ(common->text(), "b.x.1,2");
  EXPECT_FALSE(CompiledClaim::Intersection(Claim("a", "*", "*"), Claim("b", "*", "*")).has_value());
}

TEST(Scope, CoversTheUnionOfItsClaims) {
  const Scope scope({Claim("a", "x", "*"), Claim("*", "y", "1")}, std::nullopt);
  EXPECT_TRUE(scope.Covers("a", "x", "7"));
  EXPECT_TRUE(scope.Covers("b", "y", "1"));
  EXPECT_FALSE(scope.Covers("b", "x", "1"));
  EXPECT_FALSE(scope.unlimited());
}

TEST(Scope, WithoutClaimsCoversNothing) {
  EXPECT_FALSE(Scope({}, std::nullopt).Covers("a", "b", "c"));
}

TEST(Scope, NarrowingLeavesWhatBothCover) {
  const Scope scope({Claim("a,b", "*", "*")}, Claim("b,c", "x", "*"));
  EXPECT_TRUE(scope.Covers("b", "x", "1"));
  EXPECT_FALSE(scope.Covers("a", "x", "1"));
  EXPECT_FALSE(scope.Covers("c", "x", "1"));
}

TEST(Scope, EverythingIsUnlimitedUntilItIsNarrowed) {
  EXPECT_TRUE(Scope({Claim("*", "*", "*")}, std::nullopt).unlimited());
  EXPECT_TRUE(Scope({Claim("*", "*", "*")}, Claim("*", "*", "*")).unlimited());
  const Scope narrowed({Claim("*", "*", "*")}, Claim("a", "*", "*"));
  EXPECT_FALSE(narrowed.unlimited());
  EXPECT_TRUE(narrowed.Covers("a", "x", "1"));
  EXPECT_FALSE(narrowed.Covers("b", "x", "1"));
}

TEST(Scope, IdIsEqualForEqualClaimsInAnyOrderOrSplit) {
  const Scope whole({Claim("a", "x", "1,2"), Claim("b", "y", "*")}, std::nullopt);
  const Scope split({Claim("b", "y", "*"), Claim("a", "x", "2"), Claim("a", "x", "1")},
                    std::nullopt);
  EXPECT_EQ(whole.id(), split.id());
  EXPECT_EQ(whole.id().size(), 43u);
}

TEST(Scope, IdTellsNarrowedFromHeld) {
  const Scope held({Claim("a", "x", "*"), Claim("b", "y", "*")}, std::nullopt);
  const Scope narrowed({Claim("a", "x", "*")}, Claim("b", "y", "*"));
  const Scope less({Claim("a", "x", "*")}, std::nullopt);
  EXPECT_NE(held.id(), narrowed.id());
  EXPECT_NE(held.id(), less.id());
  EXPECT_NE(narrowed.id(), less.id());
}

TEST(Scope, ADecisionNamesTheClaim) {
  const Scope scope({Claim("events", "post", "*")}, std::nullopt);
  EXPECT_EQ(scope.Check("events", "post", "machines").reason, "covered by the claim events.post.*");
  const Decision denied = scope.Check("users", "create", "bob");
  EXPECT_FALSE(denied.allowed);
  EXPECT_EQ(denied.reason, "needs the claim users.create.bob");
}

TEST(Scope, ADecisionTellsThatTheTokenIsNarrowed) {
  const Scope scope({Claim("a", "*", "*"), Claim("b", "*", "*")}, Claim("b", "*", "*"));
  EXPECT_EQ(scope.Check("a", "x", "1").reason,
            "needs the claim a.x.1, but the token is narrowed to b.*.*");
}

TEST(Scope, MayHandOnOnlyWhatItCovers) {
  const Scope scope({Claim("a", "x", "*"), Claim("b", "x", "*")}, std::nullopt);
  EXPECT_TRUE(scope.CoversClaim(Claim("a", "x", "1")));
  EXPECT_TRUE(scope.CoversClaim(Claim("a,b", "x", "*")));
  EXPECT_FALSE(scope.CoversClaim(Claim("a,c", "x", "*")));
  EXPECT_FALSE(scope.CoversClaim(Claim("*", "x", "*")));
  EXPECT_FALSE(scope.CoversClaim(Claim("a", "*", "*")));
}

TEST(Scope, NarrowedMayNotHandOnTheRest) {
  const Scope scope({Claim("*", "*", "*")}, Claim("a", "x", "*"));
  EXPECT_TRUE(scope.CoversClaim(Claim("a", "x", "1")));
  EXPECT_FALSE(scope.CoversClaim(Claim("b", "x", "1")));
}

TEST(Scope, RefusesToHandOnAClaimOfTooManyParts) {
  std::vector<CompiledClaim> claims;
  std::string list;
  for (int i = 0; i <= static_cast<int>(Scope::kClaimPartsMax); ++i) {
    const std::string value = std::to_string(i);
    if (i < static_cast<int>(Scope::kClaimPartsMax)) list += (i == 0 ? "" : ",") + value;
    claims.push_back(Claim(value, "x", "*"));
  }
  const Scope scope(std::move(claims), std::nullopt);
  EXPECT_TRUE(scope.CoversClaim(Claim(list, "x", "*")));
  EXPECT_FALSE(scope.CoversClaim(Claim(list, "x", "1,2")));
}

// Members over a small alphabet, so that claims meet often.
std::string RandomMember(std::mt19937* random) {
  if ((*random)() % 4 == 0) return "*";
  std::string list;
  for (int i = 0, count = 1 + (*random)() % 3; i < count; ++i) {
    list += (i == 0 ? "" : ",") + std::string(1, static_cast<char>('a' + (*random)() % 4));
  }
  return list;
}

CompiledClaim RandomClaim(std::mt19937* random) {
  return Claim(RandomMember(random), RandomMember(random), RandomMember(random));
}

std::vector<CompiledClaim> RandomClaims(std::mt19937* random) {
  std::vector<CompiledClaim> claims;
  for (int i = 0, count = (*random)() % 5; i < count; ++i) claims.push_back(RandomClaim(random));
  return claims;
}

// Calls `visit` with every triple over the alphabet and one value outside of it.
template <typename Visit>
void ForEachTriple(const Visit& visit) {
  constexpr absl::string_view kValues = "abcdz";
  for (size_t s = 0; s < kValues.size(); ++s) {
    for (size_t a = 0; a < kValues.size(); ++a) {
      for (size_t k = 0; k < kValues.size(); ++k) {
        visit(kValues.substr(s, 1), kValues.substr(a, 1), kValues.substr(k, 1));
      }
    }
  }
}

TEST(ScopeModel, CoversWhatSomeClaimAndTheNarrowingCover) {
  std::mt19937 random(1);
  for (int round = 0; round < 2'000; ++round) {
    const auto claims = RandomClaims(&random);
    std::optional<CompiledClaim> narrowing;
    if (round % 2 == 0) narrowing = RandomClaim(&random);
    const Scope scope(claims, narrowing);
    ForEachTriple([&](absl::string_view s, absl::string_view a, absl::string_view k) {
      bool expected = false;
      for (const CompiledClaim& claim : claims) expected = expected || claim.Covers(s, a, k);
      if (narrowing.has_value()) expected = expected && narrowing->Covers(s, a, k);
      ASSERT_EQ(scope.Covers(s, a, k), expected);
      ASSERT_EQ(scope.Check(s, a, k).allowed, expected);
    });
  }
}

TEST(ScopeModel, NarrowingNeverWidens) {
  std::mt19937 random(2);
  for (int round = 0; round < 2'000; ++round) {
    const auto claims = RandomClaims(&random);
    const CompiledClaim narrowing = RandomClaim(&random);
    const Scope whole(claims, std::nullopt);
    const Scope narrowed(claims, narrowing);
    ForEachTriple([&](absl::string_view s, absl::string_view a, absl::string_view k) {
      ASSERT_TRUE(!narrowed.Covers(s, a, k) ||
                  (whole.Covers(s, a, k) && narrowing.Covers(s, a, k)));
    });
  }
}

TEST(ScopeModel, AClaimThatMayBeHandedOnCoversNothingNew) {
  std::mt19937 random(3);
  int handed_on = 0;
  for (int round = 0; round < 5'000; ++round) {
    const Scope scope(RandomClaims(&random), std::nullopt);
    const CompiledClaim claim = RandomClaim(&random);
    if (!scope.CoversClaim(claim)) continue;
    ++handed_on;
    ForEachTriple([&](absl::string_view s, absl::string_view a, absl::string_view k) {
      ASSERT_TRUE(!claim.Covers(s, a, k) || scope.Covers(s, a, k));
    });
  }
  EXPECT_GT(handed_on, 100);
}

TEST(ScopeModel, EqualIdsMeanEqualScopes) {
  std::mt19937 random(4);
  for (int round = 0; round < 2'000; ++round) {
    auto claims = RandomClaims(&random);
    const Scope scope(claims, std::nullopt);
    std::shuffle(claims.begin(), claims.end(), random);
    ASSERT_EQ(Scope(claims, std::nullopt).id(), scope.id());
    claims.push_back(Claim("z", "z", "z"));
    const Scope wider(claims, std::nullopt);
    ASSERT_EQ(wider.id() == scope.id(), scope.unlimited());
  }
}

TEST(ScopeTable, EqualScopesAreOneObjectWhileSomeoneHoldsIt) {
  ScopeTable table;
  const ScopePtr first = table.Intern({Claim("a", "x", "*")}, std::nullopt);
  EXPECT_EQ(table.Intern({Claim("a", "x", "*")}, std::nullopt), first);
  EXPECT_NE(table.Intern({Claim("b", "x", "*")}, std::nullopt), first);
}

TEST(ScopeTable, DoesNotGrowWithScopesNobodyHolds) {
  ScopeTable table;
  for (int i = 0; i < 10'000; ++i) {
    table.Intern({Claim(std::to_string(i), "x", "*")}, std::nullopt);
  }
  EXPECT_LT(table.size(), 100u);
}

}  // namespace
}  // namespace carillon::access
