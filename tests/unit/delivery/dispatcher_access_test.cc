// Who sees what, and when that changes.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "tests/unit/delivery/dispatcher_fixture.h"

namespace carillon::delivery {
namespace {

TEST_P(DispatcherTest, AUserSeesOnlyWhatTheirClaimsCover) {
  CreateUser("fred", "machines");
  auto client = Open(StreamKind::kSubscribe, "fred");
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  Publish("profiles", {"secret"});
  Publish("machines", {"seen"});
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->keys(), std::vector<std::string>{"seen"});
}

TEST_P(DispatcherTest, AWithdrawnClaimStopsDeliveryOfWhatIsCommittedAfterIt) {
  CreateUser("fred", "machines,profiles");
  auto client = Open(StreamKind::kSubscribe, "fred");
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  Publish("profiles", {"allowed"});
  ASSERT_TRUE(client->AwaitEvents(1));
  PutRole("fred", "machines");
  Publish("profiles", {"forbidden"});
  Publish("machines", {"end"});
  ASSERT_TRUE(client->AwaitEvents(2));
  EXPECT_EQ(client->keys(), (std::vector<std::string>{"allowed", "end"}));
}

TEST_P(DispatcherTest, RevokingAUsersTokensEndsTheirStreams) {
  CreateUser("fred", "machines");
  auto client = Open(StreamKind::kSubscribe, "fred");
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  v1::RevokeUserTokensRequest request;
  request.set_name("fred");
  ASSERT_TRUE(access_->admin().RevokeUserTokens(LogIn("root"), request).ok());
  EXPECT_EQ(client->end().code(), absl::StatusCode::kUnauthenticated) << "at once";
}

TEST_P(DispatcherTest, AFacadesStreamHearsOfItsSessionsInOrderWithTheEvents) {
  CreateUser("fred", "machines,profiles");
  auto session = access_->OpenSession(LogIn("root"), LogIn("fred"));
  ASSERT_TRUE(session.ok());
  auto facade = Open();
  NewSubscription subscription = Subscription(1);
  subscription.session = *session;
  Add(*facade, {subscription});
  Start(*facade);
  ASSERT_TRUE(facade->AwaitLive());
  Publish("params", {"not freds"});
  Publish("profiles", {"seen"});
  ASSERT_TRUE(facade->AwaitEvents(1));
  const std::string old_scope = (*session)->scope()->id();
  PutRole("fred", "machines");
  Publish("profiles", {"forbidden"});
  v1::SetUserPasswordRequest password;
  password.set_name("fred");
  password.set_password("another-password");
  ASSERT_TRUE(access_->admin().SetUserPassword(LogIn("root"), password).ok());
  std::vector<v1::SessionChange> changes;
  for (const v1::SubscribeResponse& response : facade->responses()) {
    if (response.has_session_change()) changes.push_back(response.session_change());
  }
  ASSERT_EQ(changes.size(), 2u);
  EXPECT_EQ(changes[0].session_id(), (*session)->id);
  EXPECT_NE(changes[0].scope(), old_scope);
  EXPECT_EQ(changes[1].scope(), "");
  EXPECT_EQ(changes[1].error().code(), static_cast<int>(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(facade->keys(), std::vector<std::string>{"seen"});
}

// What is read for a facade's user whose rights change may lack what both the old and the new
// allow.
TEST_P(DispatcherTest, AStreamWithAnEndBreaksWhenTheScopeItReadsForChanges) {
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  Begin(options);
  PublishRange(1, 60, "\"" + std::string(4000, 'x') + "\"");
  CreateUser("fred", "machines,profiles");
  auto session = access_->OpenSession(LogIn("root"), LogIn("fred"));
  ASSERT_TRUE(session.ok());
  NewSubscription subscription = Subscription(1);
  subscription.session = *session;
  for (const bool told : {true, false}) {
    auto replay = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
    Add(*replay, {subscription});
    Start(*replay, After(Position(0)), Position(60));
    ASSERT_TRUE(replay->AwaitCommands(2));
    // The scope changes a moment before the dispatcher is told.
    if (!told) access_->SetListener(nullptr);
    PutRole("fred", told ? "machines" : "machines,params");
    replay->Hold(false);
    ASSERT_TRUE(replay->AwaitEnd());
    EXPECT_EQ(replay->end().code(), absl::StatusCode::kAborted);
    EXPECT_LT(replay->keys().size(), 60u);
  }
}

// Tells a dispatcher of changes after something was done.
class LateListener : public access::SessionListener {
 public:
  LateListener(Dispatcher* dispatcher, std::function<void()> before)
      : dispatcher_(dispatcher), before_(std::move(before)) {}

  void OnSessionsChanged(const std::vector<access::SessionPtr>& sessions) override {
    before_();
    dispatcher_->OnSessionsChanged(sessions);
  }

 private:
  Dispatcher* const dispatcher_;
  const std::function<void()> before_;
};

TEST_P(DispatcherTest, AStreamMissesNothingWhileItsOwnScopeIsBeingChanged) {
  CreateUser("fred", "machines,profiles");
  auto client = Open(StreamKind::kSubscribe, "fred");
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  LateListener late(dispatcher_.get(), [&] {
    Publish("machines", {"both"});
    EXPECT_TRUE(client->AwaitEvents(1));
  });
  access_->SetListener(&late);
  PutRole("fred", "machines,params");
  access_->SetListener(dispatcher_.get());
}

TEST_P(DispatcherTest, AFacadesUserMissesNothingThatComesBeforeTheyAreToldOfTheirNewScope) {
  CreateUser("fred", "machines,profiles");
  auto session = access_->OpenSession(LogIn("root"), LogIn("fred"));
  ASSERT_TRUE(session.ok());
  auto facade = Open();
  NewSubscription subscription = Subscription(1);
  subscription.session = *session;
  Add(*facade, {subscription});
  Start(*facade);
  ASSERT_TRUE(facade->AwaitLive());
  LateListener late(dispatcher_.get(), [&] {
    Publish("machines", {"both"});
    EXPECT_TRUE(facade->AwaitEvents(1));
  });
  access_->SetListener(&late);
  PutRole("fred", "machines,params");
  access_->SetListener(dispatcher_.get());
  Publish("profiles", {"withdrawn"});
  Publish("params", {"of another scope"});
  ASSERT_TRUE(facade->AwaitPosition(Position(3)));
  EXPECT_EQ(facade->keys(), std::vector<std::string>{"both"});
}

TEST_P(DispatcherTest, ASubscriptionMeantForAnotherScopeIsRefused) {
  CreateUser("fred", "machines");
  auto session = access_->OpenSession(LogIn("root"), LogIn("fred"));
  auto facade = Open();
  NewSubscription subscription = Subscription(1);
  subscription.session = *session;
  subscription.scope_id = "another";
  Add(*facade, {subscription});
  ASSERT_TRUE(facade->AwaitCommands(1));
  ASSERT_EQ(facade->responses().size(), 1u);
  EXPECT_EQ(facade->responses()[0].closed().error().code(),
            static_cast<int>(absl::StatusCode::kAborted));
}

}  // namespace
}  // namespace carillon::delivery
