#include "broker/access/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/synchronization/notification.h"
#include "tests/unit/access/access_fixture.h"

namespace carillon::access {
namespace {

using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;
using ::testing::UnorderedElementsAreArray;

class SessionTest : public AccessFixture {
 protected:
  SessionTest()
      : facade_(MakeUser("facade", {MakeClaim("sessions", "open", "*")})),
        ann_(MakeUser("ann", {MakeClaim("machines", "get", "*")})) {
    listener_.Take();
  }

  SessionPtr Open(const Identity& user) { return access_->OpenSession(facade_, user).value(); }

  Identity AnnByToken(int64_t ttl_seconds) {
    v1::GrantTokenRequest request;
    request.set_name("ann");
    request.mutable_ttl()->set_seconds(ttl_seconds);
    return Authenticate(Bearer(Token(Root(), request))).value();
  }

  void Revoke(const std::string& user) {
    v1::RevokeUserTokensRequest request;
    request.set_name(user);
    ASSERT_TRUE(admin().RevokeUserTokens(Root(), request).ok());
  }

  void Delete(const std::string& user) {
    v1::DeleteUserRequest request;
    request.set_name(user);
    ASSERT_TRUE(admin().DeleteUser(Root(), request).ok());
  }

  Identity facade_;
  Identity ann_;
};

TEST_F(SessionTest, EqualScopesAreOneObjectAndCountTheirSessions) {
  const SessionPtr first = Open(ann_);
  const SessionPtr second = access_->OpenOwnSession(ann_).value();
  EXPECT_EQ(first->scope(), second->scope());
  EXPECT_EQ(first->scope()->live_sessions(), 2);
  access_->CloseSessions("facade", {first->id});
  EXPECT_EQ(second->scope()->live_sessions(), 1);
}

TEST_F(SessionTest, OneOfTheUsersOwnEndsWithItsLastReference) {
  SessionPtr session = access_->OpenOwnSession(ann_).value();
  const ScopePtr scope = session->scope();
  EXPECT_EQ(access_->session_count(), 1u);
  session.reset();
  EXPECT_EQ(access_->session_count(), 0u);
  EXPECT_EQ(scope->live_sessions(), 0);
}

TEST_F(SessionTest, OneOfAFacadeLivesUntilItIsClosed) {
  const std::string id = Open(ann_)->id;
  const SessionPtr found = access_->FindSession(facade_, id).value();
  EXPECT_EQ(found->principal(), "ann");
  EXPECT_EQ(found->owner, "facade");
  access_->CloseSessions("facade", {id, "unknown"});
  EXPECT_EQ(ReasonOf(found->end()), "SESSION_CLOSED");
  EXPECT_EQ(found->scope(), nullptr);
  EXPECT_THAT(listener_.Take(), ElementsAre(found));
  EXPECT_EQ(ReasonOf(access_->FindSession(facade_, id).status()), "SESSION_UNKNOWN");
}

TEST_F(SessionTest, OpeningTakesTheClaimForThatUser) {
  const Identity limited = MakeUser("limited", {MakeClaim("sessions", "open", "bob")});
  const auto session = access_->OpenSession(limited, ann_);
  EXPECT_EQ(session.status().code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(session.status().message(),
            "opening a session for this user needs the claim sessions.open.ann");
}

TEST_F(SessionTest, OpeningGoesByTheClaimsOfNow) {
  PutRole("role-of-facade", {MakeClaim("machines", "get", "*")});
  const Identity facade = access_->Renew(facade_).value();
  EXPECT_TRUE(absl::IsPermissionDenied(access_->OpenSession(facade, ann_).status()));
  Revoke("facade");
  EXPECT_TRUE(absl::IsUnauthenticated(access_->Renew(facade_).status()));
}

TEST_F(SessionTest, FindingOneTakesTheClaimStill) {
  const std::string id = Open(ann_)->id;
  PutRole("role-of-facade", {MakeClaim("sessions", "open", "bob")});
  const Identity facade = Authenticate(Basic("facade", "password-of-facade")).value();
  EXPECT_TRUE(absl::IsPermissionDenied(access_->FindSession(facade, id).status()));
}

TEST_F(SessionTest, AChangeReachesAllOfVeryMany) {
  std::vector<SessionPtr> sessions;
  sessions.reserve(500);
  for (int i = 0; i < 500; ++i) sessions.push_back(Open(i % 2 == 0 ? ann_ : AnnByToken(600)));
  PutRole("role-of-ann", {MakeClaim("profiles", "get", "*")});
  EXPECT_THAT(listener_.Take(), UnorderedElementsAreArray(sessions));
  for (const SessionPtr& session : sessions) {
    EXPECT_TRUE(session->scope()->Covers("profiles", "get", "x"));
    EXPECT_FALSE(session->scope()->Covers("machines", "get", "x"));
  }
}

TEST_F(SessionTest, AnotherFacadesIdIsUnknown) {
  const Identity other = MakeUser("other", {MakeClaim("sessions", "open", "*")});
  const SessionPtr session = Open(ann_);
  EXPECT_EQ(ReasonOf(access_->ResumeSession(other, session->id).status()), "SESSION_UNKNOWN");
  EXPECT_EQ(ReasonOf(access_->FindSession(other, session->id).status()), "SESSION_UNKNOWN");
  access_->CloseSessions("other", {session->id});
  EXPECT_TRUE(session->end().ok());
}

TEST_F(SessionTest, AMadeUpIdIsUnknown) {
  const std::string id = Open(ann_)->id;
  for (const std::string& made_up : {std::string(), std::string("x"), id + "A", id.substr(1)}) {
    EXPECT_EQ(ReasonOf(access_->ResumeSession(facade_, made_up).status()), "SESSION_UNKNOWN");
  }
}

TEST_F(SessionTest, ResumingOneInForceYieldsIt) {
  const SessionPtr session = Open(ann_);
  EXPECT_EQ(access_->ResumeSession(facade_, session->id).value(), session);
  EXPECT_EQ(access_->facade_session_count(), 1u);
}

TEST_F(SessionTest, IsResumedAfterARestartWithItsWholeGrant) {
  v1::GrantTokenRequest request;
  request.set_name("ann");
  request.add_roles("role-of-ann");
  *request.mutable_claim() = MakeClaim("machines", "*", "m1");
  const SessionPtr before = Open(Authenticate(Bearer(Token(Root(), request))).value());
  Restart();
  EXPECT_EQ(ReasonOf(access_->FindSession(facade_, before->id).status()), "SESSION_UNKNOWN");
  const SessionPtr after = access_->ResumeSession(facade_, before->id).value();
  EXPECT_EQ(after->id, before->id);
  EXPECT_EQ(after->scope()->id(), before->scope()->id());
  EXPECT_EQ(after->grant->expire_time, before->grant->expire_time);
  EXPECT_EQ(access_->FindSession(facade_, before->id).value(), after);
}

TEST_F(SessionTest, OneByPasswordNeverExpires) {
  const SessionPtr before = Open(ann_);
  EXPECT_EQ(before->grant->expire_time, absl::InfiniteFuture());
  clock_.Advance(absl::Hours(24 * 365 * 10));
  access_->EndDueSessions();
  EXPECT_TRUE(before->end().ok());
  Restart();
  EXPECT_EQ(access_->ResumeSession(facade_, before->id).value()->grant->expire_time,
            absl::InfiniteFuture());
}

TEST_F(SessionTest, ExpiresWithItsToken) {
  const SessionPtr facades = Open(AnnByToken(60));
  const SessionPtr own = access_->OpenOwnSession(AnnByToken(120)).value();
  clock_.Advance(absl::Seconds(59));
  access_->EndDueSessions();
  EXPECT_THAT(listener_.Take(), IsEmpty());
  clock_.Advance(absl::Seconds(1));
  access_->EndDueSessions();
  EXPECT_THAT(listener_.Take(), ElementsAre(facades));
  EXPECT_EQ(ReasonOf(facades->end()), "SESSION_EXPIRED");
  clock_.Advance(absl::Seconds(60));
  access_->EndDueSessions();
  EXPECT_THAT(listener_.Take(), ElementsAre(own));
  EXPECT_EQ(ReasonOf(own->end()), "SESSION_EXPIRED");
}

TEST_F(SessionTest, ExpiresByItself) {
  class Waiter final : public SessionListener {
   public:
    void OnSessionsChanged(const std::vector<SessionPtr>&) override { told.Notify(); }
    absl::Notification told;
  };
  options_.clock = absl::Now;
  Restart();
  Waiter waiter;
  access_->SetListener(&waiter);
  v1::GrantTokenRequest request;
  request.set_name("root");
  request.mutable_ttl()->set_seconds(1);
  const Identity root = Authenticate(Bearer(Token(Root(), request))).value();
  const SessionPtr session = access_->OpenOwnSession(root).value();
  EXPECT_TRUE(waiter.told.WaitForNotificationWithTimeout(absl::Seconds(60)));
  EXPECT_EQ(ReasonOf(session->end()), "SESSION_EXPIRED");
  access_->SetListener(nullptr);
}

TEST_F(SessionTest, AnExpiredTokenOpensNone) {
  const Identity ann = AnnByToken(60);
  const std::string id = Open(ann)->id;
  clock_.Advance(absl::Seconds(60));
  access_->EndDueSessions();
  EXPECT_EQ(ReasonOf(access_->OpenOwnSession(ann).status()), "SESSION_EXPIRED");
  EXPECT_EQ(ReasonOf(access_->OpenSession(facade_, ann).status()), "SESSION_EXPIRED");
  EXPECT_EQ(ReasonOf(access_->ResumeSession(facade_, id).status()), "SESSION_EXPIRED");
  EXPECT_EQ(ReasonOf(access_->FindSession(facade_, id).status()), "SESSION_EXPIRED");
}

TEST_F(SessionTest, RevokingEndsAllOfThatUserAndNoOther) {
  const Identity bob = MakeUser("bob", {});
  const SessionPtr bobs = Open(bob);
  const SessionPtr facades = Open(ann_);
  const SessionPtr own = access_->OpenOwnSession(ann_).value();
  Revoke("ann");
  EXPECT_THAT(listener_.Take(), UnorderedElementsAre(facades, own));
  EXPECT_EQ(ReasonOf(facades->end()), "TOKEN_REVOKED");
  EXPECT_EQ(ReasonOf(own->end()), "TOKEN_REVOKED");
  EXPECT_TRUE(bobs->end().ok());
  EXPECT_EQ(ReasonOf(access_->ResumeSession(facade_, facades->id).status()), "TOKEN_REVOKED");
  EXPECT_EQ(ReasonOf(access_->OpenOwnSession(ann_).status()), "TOKEN_REVOKED");
}

TEST_F(SessionTest, RemovingTheUserEndsThem) {
  const SessionPtr session = Open(ann_);
  Delete("ann");
  EXPECT_THAT(listener_.Take(), ElementsAre(session));
  EXPECT_EQ(ReasonOf(session->end()), "USER_REMOVED");
  EXPECT_EQ(session->end().code(), absl::StatusCode::kUnauthenticated);
  Restart();
  EXPECT_EQ(ReasonOf(access_->ResumeSession(facade_, session->id).status()), "USER_REMOVED");
}

TEST_F(SessionTest, TheNextUserOfThatNameDoesNotInheritThem) {
  const std::string id = Open(ann_)->id;
  Delete("ann");
  MakeUser("ann", {});
  EXPECT_EQ(ReasonOf(access_->ResumeSession(facade_, id).status()), "TOKEN_REVOKED");
}

TEST_F(SessionTest, FollowsTheClaimsOfItsRoles) {
  const SessionPtr session = Open(ann_);
  const ScopePtr before = session->scope();
  PutRole("role-of-ann", {MakeClaim("profiles", "get", "*")});
  EXPECT_THAT(listener_.Take(), ElementsAre(session));
  EXPECT_NE(session->scope(), before);
  EXPECT_TRUE(session->scope()->Covers("profiles", "get", "p1"));
  EXPECT_FALSE(session->scope()->Covers("machines", "get", "m1"));
  EXPECT_EQ(before->live_sessions(), 0);
}

TEST_F(SessionTest, FollowsTheUsersRoles) {
  const SessionPtr session = Open(ann_);
  v1::SetUserRolesRequest request;
  request.set_name("ann");
  ASSERT_TRUE(admin().SetUserRoles(Root(), request).ok());
  EXPECT_THAT(listener_.Take(), ElementsAre(session));
  EXPECT_FALSE(session->scope()->Covers("machines", "get", "m1"));
}

TEST_F(SessionTest, AChangeThatChangesNothingForItIsNotTold) {
  const SessionPtr session = Open(ann_);
  PutRole("role-of-ann", {MakeClaim("machines", "get", "*"), MakeClaim("machines", "get", "m1")});
  PutRole("another", {MakeClaim("profiles", "get", "*")});
  EXPECT_THAT(listener_.Take(), IsEmpty());
}

TEST_F(SessionTest, ATokenNarrowedToALostRoleIsLeftWithNothing) {
  v1::GrantTokenRequest request;
  request.set_name("ann");
  request.add_roles("role-of-ann");
  const SessionPtr session = Open(Authenticate(Bearer(Token(Root(), request))).value());
  PutRole("another", {MakeClaim("*", "*", "*")});
  v1::SetUserRolesRequest roles;
  roles.set_name("ann");
  roles.add_roles("another");
  ASSERT_TRUE(admin().SetUserRoles(Root(), roles).ok());
  EXPECT_FALSE(session->scope()->Covers("machines", "get", "m1"));
}

TEST_F(SessionTest, BeyondTheLimitTheOneUnusedForLongestMakesRoom) {
  options_.sessions_max = 3;
  Restart();
  const std::string oldest = Open(ann_)->id;
  const std::string used = Open(ann_)->id;
  const SessionPtr held = Open(ann_);
  ASSERT_TRUE(access_->FindSession(facade_, oldest).ok());
  // Now `used` is the one unused for longest.
  Open(ann_);
  EXPECT_TRUE(access_->FindSession(facade_, oldest).ok());
  EXPECT_EQ(ReasonOf(access_->FindSession(facade_, used).status()), "SESSION_UNKNOWN");
  // A thread of the registry's own may be telling of it already.
  access_->EndDueSessions();
  const std::vector<SessionPtr> told = listener_.Take();
  ASSERT_EQ(told.size(), 1u);
  EXPECT_EQ(told[0]->id, used);
  EXPECT_EQ(told[0]->scope(), nullptr);
  EXPECT_EQ(ReasonOf(told[0]->end()), "SESSION_EVICTED");
  EXPECT_TRUE(held->end().ok());
  EXPECT_EQ(access_->facade_session_count(), 3u);
  EXPECT_TRUE(access_->ResumeSession(facade_, used).ok());
}

TEST_F(SessionTest, AfterAChangeOfRightsTheListenerKnowsOfWhatWasEvictedBefore) {
  options_.sessions_max = 1;
  Restart();
  const std::string evicted = Open(ann_)->id;
  Open(ann_);
  PutRole("role-of-ann", {MakeClaim("machines", "get", "m1")});
  std::vector<std::string> told;
  for (const SessionPtr& session : listener_.Take()) told.push_back(session->id);
  EXPECT_THAT(told, Contains(evicted));
}

TEST_F(SessionTest, BeyondTheLimitNoneOpensWhileAllAreHeld) {
  options_.sessions_max = 2;
  Restart();
  const SessionPtr first = Open(ann_);
  SessionPtr second = Open(ann_);
  const auto third = access_->OpenSession(facade_, ann_);
  EXPECT_EQ(third.status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(ReasonOf(third.status()), "SESSIONS_EXHAUSTED");
  EXPECT_TRUE(wire::RetryDelayOf(third.status()).has_value());
  second.reset();
  EXPECT_TRUE(access_->OpenSession(facade_, ann_).ok());
}

TEST_F(SessionTest, IdsAreAtMostFourKilobytes) {
  v1::GrantTokenRequest request;
  request.set_name("ann");
  std::string list = "m";
  request.mutable_claim()->set_scope("machines");
  request.mutable_claim()->set_action("*");
  while (true) {
    request.mutable_claim()->set_specific(list);
    if (!admin().GrantToken(Root(), request).ok()) break;
    list += "\"\\";
  }
  EXPECT_GT(list.size(), 500u);
  list.resize(list.size() - 2);
  request.mutable_claim()->set_specific(list);
  EXPECT_LE(Open(Authenticate(Bearer(Token(Root(), request))).value())->id.size(), 4096u);
}

TEST_F(SessionTest, MayOutliveAccessControl) {
  const SessionPtr own = access_->OpenOwnSession(ann_).value();
  const SessionPtr facades = Open(ann_);
  access_.reset();
  EXPECT_TRUE(own->scope()->Covers("machines", "get", "m1"));
}

}  // namespace
}  // namespace carillon::access
