#include "wsfacade/http/credentials.h"

#include <gtest/gtest.h>

#include <string>

namespace carillon::facade {
namespace {

std::string Of(const std::string& header, const std::string& target) {
  return AuthorizationOf(header, *ParseTarget(target));
}

TEST(CredentialsTest, TheHeaderComesFirst) {
  EXPECT_EQ(Of("Bearer abc", "/?token=other"), "Bearer abc");
  EXPECT_EQ(Of("basic YTpi", "/"), "basic YTpi");
}

TEST(CredentialsTest, AQueryTokenWithAColonIsUserAndPassword) {
  EXPECT_EQ(Of("", "/?token=rocketskates:r0cketsk8ts"), "Basic cm9ja2V0c2thdGVzOnIwY2tldHNrOHRz");
  EXPECT_EQ(Of("", "/?Token=a%3Ab"), "Basic YTpi");
}

TEST(CredentialsTest, AnyOtherQueryTokenIsABearer) {
  EXPECT_EQ(Of("", "/?tOKEN=eyJ.abc-_"), "Bearer eyJ.abc-_");
}

TEST(CredentialsTest, APasswordMayHoldAnyCharacters) {
  EXPECT_EQ(Of("", "/?token=a:%C3%A4%0A"), "Basic YTrDpAo=");
}

TEST(CredentialsTest, NoneWhereThereCanBeNone) {
  EXPECT_EQ(Of("", "/"), "");
  EXPECT_EQ(Of("", "/?token="), "");
  EXPECT_EQ(Of("Digest x", "/?token=a"), "");
  EXPECT_EQ(Of("Bearer a\nb", "/"), "");
  EXPECT_EQ(Of("", "/?token=a%0Ab"), "");
  EXPECT_EQ(Of("", "/?token=" + std::string(9000, 'x')), "");
}

}  // namespace
}  // namespace carillon::facade
