// Who sees what, and when that changes.
#include <gtest/gtest.h>

#include <functional>
#include <utility>

#include "tests/unit/delivery/dispatcher_fixture.h"

namespace carillon::delivery {
namespace {

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

class DispatcherAccessTest : public DispatcherTest {
 protected:
  access::SessionPtr OpenSession(const std::string& user) {
    return access_->OpenSession(LogIn("root"), LogIn(user)).value();
  }

  // On a stream of `facade`.
  NewSubscription SubscriptionOf(const access::SessionPtr& session,
                                 const std::string& facade = "root") {
    NewSubscription subscription = Subscription(1);
    subscription.session = session;
    subscription.opened_by = LogIn(facade).scope;
    return subscription;
  }

  // A facade's stream, live, with one subscription.
  std::unique_ptr<Client> Serve(const access::SessionPtr& session) {
    auto facade = Open();
    Add(*facade, {SubscriptionOf(session)});
    Start(*facade);
    EXPECT_TRUE(facade->AwaitLive());
    return facade;
  }

  // Changes what fred may see; the dispatcher hears of it after `before`.
  void PutRoleAndTellLate(const std::string& types, std::function<void()> before) {
    LateListener late(dispatcher_.get(), std::move(before));
    access_->SetListener(&late);
    PutRole("fred", types);
    access_->SetListener(dispatcher_.get());
  }
};

INSTANTIATE_TEST_SUITE_P(Threads, DispatcherAccessTest, AnyThread(), ThreadName);

TEST_P(DispatcherAccessTest, AUserSeesOnlyWhatTheirClaimsCover) {
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

TEST_P(DispatcherAccessTest, AWithdrawnClaimStopsDeliveryOfWhatIsCommittedAfterIt) {
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

TEST_P(DispatcherAccessTest, RevokingAUsersTokensEndsTheirStreams) {
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

TEST_P(DispatcherAccessTest, AFacadeWhoseOwnRightsChangeHasToComeAgain) {
  CreateUser("fred", "machines");
  CreateUser("gate", "sessions");
  const access::SessionPtr session = access_->OpenSession(LogIn("gate"), LogIn("fred")).value();
  auto serving = Open(StreamKind::kSubscribe, "gate");
  Add(*serving, {SubscriptionOf(session, "gate")});
  Start(*serving);
  auto own = Open(StreamKind::kSubscribe, "gate");
  Add(*own, {Subscription(1)});
  Start(*own);
  ASSERT_TRUE(serving->AwaitLive());
  ASSERT_TRUE(own->AwaitLive());
  PutRole("gate", "machines");
  EXPECT_EQ(serving->end().code(), absl::StatusCode::kAborted) << "at once";
  Publish("machines", {"seen"});
  ASSERT_TRUE(own->AwaitEvents(1));
  EXPECT_TRUE(serving->keys().empty());
}

TEST_P(DispatcherAccessTest, ASessionIsUsedByTheRightsOfTheMomentItIsAdded) {
  CreateUser("fred", "machines");
  CreateUser("gate", "sessions");
  const access::SessionPtr session = access_->OpenSession(LogIn("gate"), LogIn("fred")).value();
  auto facade = Open(StreamKind::kSubscribe, "gate");
  Start(*facade);
  ASSERT_TRUE(facade->AwaitLive());
  const NewSubscription asked_for_before = SubscriptionOf(session, "gate");
  PutRole("gate", "machines");
  EXPECT_TRUE(facade->end().ok()) << "it serves nobody";
  Add(*facade, {asked_for_before});
  ASSERT_TRUE(facade->AwaitEnd());
  EXPECT_EQ(facade->end().code(), absl::StatusCode::kAborted);
  EXPECT_EQ(facade->stream()->dispatcher_side.filter_bytes, 0u);
}

TEST_P(DispatcherAccessTest, AStreamThatOpensAfterItsSessionHasEndedEnds) {
  CreateUser("fred", "machines");
  const access::SessionPtr session = access_->OpenOwnSession(LogIn("fred")).value();
  v1::RevokeUserTokensRequest request;
  request.set_name("fred");
  ASSERT_TRUE(access_->admin().RevokeUserTokens(LogIn("root"), request).ok());
  Client client(dispatcher_.get());
  const SubscriberPtr stream = dispatcher_->MakeSubscriber(StreamKind::kWatch, session, &client);
  client.Attach(stream);
  ASSERT_TRUE(dispatcher_->Open(stream).ok());
  ASSERT_TRUE(client.AwaitEnd());
  EXPECT_EQ(client.end().code(), absl::StatusCode::kUnauthenticated);
}

TEST_P(DispatcherAccessTest, AFacadesStreamHearsOfItsSessionsInOrderWithTheEvents) {
  CreateUser("fred", "machines,profiles");
  const access::SessionPtr session = OpenSession("fred");
  auto facade = Serve(session);
  Publish("params", {"not freds"});
  Publish("profiles", {"seen"});
  ASSERT_TRUE(facade->AwaitEvents(1));
  const std::string old_scope = session->scope()->id();
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
  EXPECT_EQ(changes[0].session_id(), session->id);
  EXPECT_NE(changes[0].scope(), old_scope);
  EXPECT_EQ(changes[1].scope(), "");
  EXPECT_EQ(changes[1].error().code(), static_cast<int>(absl::StatusCode::kUnauthenticated));
  EXPECT_EQ(facade->keys(), std::vector<std::string>{"seen"});
}

// One stream of 60 events with an end, read for a facade's user.
class ReplayAccessTest : public DispatcherAccessTest {
 protected:
  static constexpr int kEvents = 60;

  void SetUp() override {
    DispatcherAccessTest::SetUp();
    DispatcherOptions options;
    options.outbox_bytes_max = 64 << 10;
    Begin(options);
    PublishRange(1, kEvents, "\"" + std::string(4000, 'x') + "\"");
    CreateUser("fred", "machines,profiles");
    replay_ = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  }

  void TearDown() override {
    replay_.reset();
    DispatcherAccessTest::TearDown();
  }

  // It has begun when this returns, and cannot end while it is held.
  void StartReplay(int commands_before) {
    Start(*replay_, After(Position(0)), Position(kEvents));
    ASSERT_TRUE(replay_->AwaitCommands(commands_before + 1));
  }

  std::unique_ptr<Client> replay_;
};

INSTANTIATE_TEST_SUITE_P(Threads, ReplayAccessTest, AnyThread(), ThreadName);

// What was read since then may lack what both the old and the new scope allow.
TEST_P(ReplayAccessTest, BreaksWhenTheScopeItReadsForChanges) {
  Add(*replay_, {SubscriptionOf(OpenSession("fred"))});
  StartReplay(1);
  PutRole("fred", "machines");
  replay_->Hold(false);
  ASSERT_TRUE(replay_->AwaitEnd());
  EXPECT_EQ(replay_->end().code(), absl::StatusCode::kAborted);
  EXPECT_LT(replay_->keys().size(), size_t{kEvents});
}

TEST_P(ReplayAccessTest, IsCompleteIfTheDispatcherHearsOfTheChangeAfterIt) {
  Add(*replay_, {SubscriptionOf(OpenSession("fred"))});
  StartReplay(1);
  PutRoleAndTellLate("machines", [&] {
    replay_->Hold(false);
    EXPECT_TRUE(replay_->AwaitComplete());
  });
  EXPECT_EQ(replay_->keys(), Range(1, kEvents));
}

TEST_P(ReplayAccessTest, DoesNotBeginIfTheScopeHasChangedBefore) {
  Add(*replay_, {SubscriptionOf(OpenSession("fred"))});
  ASSERT_TRUE(replay_->AwaitCommands(1));
  PutRole("fred", "machines");
  replay_->Hold(false);
  Start(*replay_, After(Position(0)), Position(kEvents));
  ASSERT_TRUE(replay_->AwaitEnd());
  EXPECT_EQ(replay_->end().code(), absl::StatusCode::kAborted);
}

TEST_P(ReplayAccessTest, GoesOnIfItDoesNotReadForTheScopeAnyMore) {
  Add(*replay_, {SubscriptionOf(OpenSession("fred")), Subscription(2)});
  dispatcher_->Remove(replay_->stream(), {1});
  StartReplay(2);
  PutRole("fred", "machines");
  replay_->Hold(false);
  ASSERT_TRUE(replay_->AwaitComplete());
  EXPECT_EQ(replay_->keys(), Range(1, kEvents));
  for (const v1::SubscribeResponse& response : replay_->responses()) {
    EXPECT_FALSE(response.has_session_change());
  }
}

TEST_P(DispatcherAccessTest, AStreamMissesNothingWhileItsOwnScopeIsBeingChanged) {
  CreateUser("fred", "machines,profiles");
  auto client = Open(StreamKind::kSubscribe, "fred");
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  PutRoleAndTellLate("machines,params", [&] {
    Publish("machines", {"both"});
    EXPECT_TRUE(client->AwaitEvents(1));
  });
}

TEST_P(DispatcherAccessTest, AFacadesUserMissesNothingThatComesBeforeTheyAreToldOfTheirNewScope) {
  CreateUser("fred", "machines,profiles");
  const access::SessionPtr session = OpenSession("fred");
  auto facade = Serve(session);
  PutRoleAndTellLate("machines,params", [&] {
    Publish("machines", {"both"});
    EXPECT_TRUE(facade->AwaitEvents(1));
  });
  Publish("profiles", {"withdrawn"});
  Publish("params", {"of another scope"});
  ASSERT_TRUE(facade->AwaitPosition(Position(3)));
  EXPECT_EQ(facade->keys(), std::vector<std::string>{"both"});
}

TEST_P(DispatcherAccessTest, ASubscriptionMeantForAnotherScopeIsRefused) {
  CreateUser("fred", "machines");
  auto facade = Open();
  NewSubscription subscription = SubscriptionOf(OpenSession("fred"));
  subscription.scope_id = "another";
  Add(*facade, {subscription});
  ASSERT_TRUE(facade->AwaitCommands(1));
  ASSERT_EQ(facade->responses().size(), 1u);
  EXPECT_EQ(facade->responses()[0].closed().error().code(),
            static_cast<int>(absl::StatusCode::kAborted));
}

}  // namespace
}  // namespace carillon::delivery
