#include "broker/delivery/dispatcher.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "broker/access/access_control.h"
#include "broker/delivery/response_encoder.h"
#include "broker/log/committer.h"
#include "broker/log/position.h"
#include "broker/store/lmdb_store.h"
#include "carillon/v1/event_service.pb.h"
#include "carillon/wire/error.h"
#include "tests/unit/delivery/blocks.h"

namespace carillon::delivery {
namespace {

constexpr absl::Duration kDeadline = absl::Seconds(30);

// What a client of a stream would see. Reads as fast as it can, unless told to hold.
class Client : public StreamWriter {
 public:
  explicit Client(Dispatcher* dispatcher) : dispatcher_(dispatcher) {}
  ~Client() override { Close(); }

  void Attach(SubscriberPtr stream) {
    {
      absl::MutexLock lock(&mu_);
      stream_ = std::move(stream);
    }
    Drain();
  }

  void Close() {
    SubscriberPtr stream;
    {
      absl::MutexLock lock(&mu_);
      stream = std::move(stream_);
      stream_ = nullptr;
    }
    if (stream == nullptr) return;
    stream->Detach();
    dispatcher_->Close(stream);
  }

  void OnOutboxFilled() override {
    {
      absl::MutexLock lock(&mu_);
      filled_by_ = std::this_thread::get_id();
    }
    Drain();
  }
  void OnCommandDone() override {
    absl::MutexLock lock(&mu_);
    ++commands_done_;
  }
  void OnComplete() override {
    absl::MutexLock lock(&mu_);
    complete_ = true;
  }
  void OnEnd(const absl::Status& status) override {
    absl::MutexLock lock(&mu_);
    end_ = status;
  }
  void OnCutOff() override {
    absl::MutexLock lock(&mu_);
    cut_off_ = true;
  }

  // While held nothing is taken from the outbox, as when a client does not read.
  void Hold(bool hold) {
    {
      absl::MutexLock lock(&mu_);
      hold_ = hold;
    }
    if (!hold) Drain();
  }

  const SubscriberPtr& stream() const { return stream_; }

  bool Await(const std::function<bool()>& condition) {
    absl::MutexLock lock(&mu_);
    return mu_.AwaitWithTimeout(
        absl::Condition(
            +[](const std::function<bool()>* c) { return (*c)(); }, &condition),
        kDeadline);
  }
  bool AwaitEvents(size_t count) {
    return Await([this, count] { return keys_.size() >= count; });
  }
  bool AwaitLast(const std::string& key) {
    return Await([this, &key] { return !keys_.empty() && keys_.back() == key; });
  }
  bool AwaitPosition(const std::string& position) {
    return Await([this, &position] { return last_position_ == position; });
  }
  bool AwaitCommands(int count) {
    return Await([this, count] { return commands_done_ >= count; });
  }
  // Nothing more is put into the outbox.
  bool AwaitAllQueued() {
    return Await([this] { return complete_; });
  }
  // The same, and all of it was read.
  bool AwaitComplete() {
    return Await([this] { return complete_ && stream_->outbox.idle(); });
  }
  bool AwaitEnd() {
    return Await([this] { return end_.has_value(); });
  }
  bool AwaitLive() {
    return Await([this] { return live_; });
  }

  // The thread that last put something into the outbox.
  std::thread::id filled_by() {
    absl::MutexLock lock(&mu_);
    return filled_by_;
  }
  bool cut_off() {
    absl::MutexLock lock(&mu_);
    return cut_off_;
  }
  std::vector<std::string> keys() {
    absl::MutexLock lock(&mu_);
    return keys_;
  }
  std::map<std::string, std::vector<int64_t>> matches() {
    absl::MutexLock lock(&mu_);
    return matches_;
  }
  std::vector<v1::SubscribeResponse> responses() {
    absl::MutexLock lock(&mu_);
    return responses_;
  }
  std::string last_position() {
    absl::MutexLock lock(&mu_);
    return last_position_;
  }
  absl::Status end() {
    absl::MutexLock lock(&mu_);
    return end_.value_or(absl::OkStatus());
  }
  std::vector<v1::Gap> gaps() {
    absl::MutexLock lock(&mu_);
    return gaps_;
  }

 private:
  // Called from the dispatcher and from the test: one at a time takes.
  void Drain() {
    SubscriberPtr stream;
    {
      absl::MutexLock lock(&mu_);
      stream = stream_;
    }
    if (stream == nullptr) return;
    while (true) {
      {
        absl::MutexLock lock(&mu_);
        if (hold_) return;
      }
      std::optional<OutboxMessage> message = stream->outbox.TakeForWriting();
      if (!message.has_value()) return;
      Receive(*message, stream->kind);
      stream->outbox.WriteDone();
      if (stream->HasWantedRoom() && stream->wants_room.exchange(false)) {
        dispatcher_->RoomAvailable(stream);
      }
    }
  }

  void Receive(const OutboxMessage& message, StreamKind kind) {
    std::string bytes;
    if (const auto* response = std::get_if<std::string>(&message)) {
      bytes = *response;
    } else {
      const EventsEncoder encoder(std::get<std::vector<Deliveries>>(message));
      bytes.resize(encoder.size());
      encoder.Encode(reinterpret_cast<uint8_t*>(bytes.data()));
    }
    v1::SubscribeResponse response;
    if (kind == StreamKind::kWatch) {
      v1::WatchResponse watch;
      ASSERT_TRUE(watch.ParseFromString(bytes));
      if (watch.has_events()) *response.mutable_events() = watch.events();
      if (watch.has_progress()) *response.mutable_progress() = watch.progress();
      if (watch.has_gap()) *response.mutable_gap() = watch.gap();
    } else {
      ASSERT_TRUE(response.ParseFromString(bytes));
    }
    absl::MutexLock lock(&mu_);
    for (int i = 0; i < response.events().events_size(); ++i) {
      const v1::Event& event = response.events().events(i);
      keys_.push_back(event.key());
      last_position_ = event.position();
      if (response.events().matches_size() > 0) {
        const auto& ids = response.events().matches(i).subscription_ids();
        matches_[event.key()].assign(ids.begin(), ids.end());
      }
    }
    if (response.has_progress()) {
      live_ = response.progress().live();
      last_position_ = response.progress().position();
    }
    if (response.has_gap()) gaps_.push_back(response.gap());
    responses_.push_back(std::move(response));
  }

  Dispatcher* const dispatcher_;
  absl::Mutex mu_;
  SubscriberPtr stream_;
  bool hold_ = false;
  bool live_ = false;
  bool complete_ = false;
  bool cut_off_ = false;
  int commands_done_ = 0;
  std::thread::id filled_by_;
  std::vector<std::string> keys_;
  std::map<std::string, std::vector<int64_t>> matches_;
  std::vector<v1::SubscribeResponse> responses_;
  std::vector<v1::Gap> gaps_;
  std::string last_position_;
  std::optional<absl::Status> end_;
};

using log::CommitOn;

// The real store, committer and access control. The parameter tells on whose thread is dispatched.
class DispatcherTest : public testing::TestWithParam<CommitOn> {
 protected:
  void SetUp() override {
    directory_ = testing::TempDir() + "/dispatcher-" + std::to_string(getpid());
    std::filesystem::remove_all(directory_);
    auto store = store::LmdbStore::Open(
        {.directory = directory_, .map_bytes = store::MapBytesFor(64 << 20)});
    ASSERT_TRUE(store.ok()) << store.status();
    store_ = *std::move(store);
    access::AccessOptions options;
    options.password_cost = {.log2_n = 4, .r = 8, .p = 1};
    auto access = access::AccessControl::Create(store_->account_store(), options);
    ASSERT_TRUE(access.ok()) << access.status();
    access_ = *std::move(access);
    ASSERT_TRUE(access_->CreateFirstUser("root", "password").ok());
    Begin({});
  }

  void TearDown() override {
    if (committer_ != nullptr) committer_->Shutdown();
    access_.reset();
    committer_.reset();
    dispatcher_.reset();
    store_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Begin(DispatcherOptions options, log::Retention retention = {}) {
    if (committer_ != nullptr) committer_->Shutdown();
    committer_.reset();
    dispatcher_ = std::make_unique<Dispatcher>(store_->event_log(), options);
    access_->SetListener(dispatcher_.get());
    dispatcher_->Start();
    log::CommitterOptions committer_options;
    committer_options.retention = retention;
    committer_options.trim_interval = absl::Milliseconds(1);
    committer_ = std::make_unique<log::Committer>(
        store_->event_log(), committer_options,
        [this](std::vector<log::EventBlockPtr> blocks, CommitOn) {
          absl::MutexLock lock(&mu_);
          committed_by_ = std::this_thread::get_id();
          if (!withhold_) return Dispatch(std::move(blocks));
          for (log::EventBlockPtr& block : blocks) withheld_.push_back(std::move(block));
        },
        nullptr);
  }

  void Dispatch(std::vector<log::EventBlockPtr> blocks) {
    dispatcher_->OnCommitted(std::move(blocks), GetParam());
    if (GetParam() == CommitOn::kThisThread) dispatcher_->DispatchNow();
  }

  // Keeps from the dispatcher what is committed, or gives it what was kept.
  void Withhold(bool withhold) {
    absl::MutexLock lock(&mu_);
    withhold_ = withhold;
    if (!withhold) Dispatch(std::exchange(withheld_, {}));
  }

  access::Identity LogIn(const std::string& user) {
    absl::Notification done;
    absl::StatusOr<access::Identity> identity = absl::UnknownError("");
    access_->Authenticate("Basic " + absl::Base64Escape(user + ":password"),
                          [&](absl::StatusOr<access::Identity> result) {
                            identity = std::move(result);
                            done.Notify();
                          });
    done.WaitForNotification();
    EXPECT_TRUE(identity.ok()) << identity.status();
    return *identity;
  }

  // A user who may see the events of these types.
  void CreateUser(const std::string& name, const std::string& types) {
    const access::Identity root = LogIn("root");
    PutRole(name, types);
    v1::CreateUserRequest user;
    user.set_name(name);
    user.set_password("password");
    user.add_roles(name);
    ASSERT_TRUE(access_->admin().CreateUser(root, user).ok());
  }
  void PutRole(const std::string& name, const std::string& types) {
    v1::PutRoleRequest role;
    role.mutable_role()->set_name(name);
    v1::Claim* claim = role.mutable_role()->add_claims();
    claim->set_scope(types);
    claim->set_action("*");
    claim->set_specific("*");
    ASSERT_TRUE(access_->admin().PutRole(LogIn("root"), role).ok());
  }

  std::unique_ptr<Client> Open(StreamKind kind = StreamKind::kSubscribe,
                               const std::string& user = "root", bool hold = false) {
    auto client = std::make_unique<Client>(dispatcher_.get());
    if (hold) client->Hold(true);
    auto session = access_->OpenOwnSession(LogIn(user));
    EXPECT_TRUE(session.ok());
    auto stream = dispatcher_->Open(kind, *session, client.get());
    EXPECT_TRUE(stream.ok());
    client->Attach(*stream);
    return client;
  }

  static NewSubscription Subscription(int64_t id, const std::string& type = "",
                                      const std::string& key_prefix = "") {
    v1::Filter filter;
    if (!type.empty()) filter.mutable_type()->add_values(type);
    if (!key_prefix.empty()) filter.mutable_key()->add_prefixes(key_prefix);
    NewSubscription subscription;
    subscription.id = id;
    subscription.filter = *match::CompiledFilter::Compile(filter);
    return subscription;
  }

  void Add(Client& client, std::vector<NewSubscription> subscriptions) {
    dispatcher_->Add(client.stream(), std::move(subscriptions));
  }
  void Start(Client& client, const v1::StartPosition& start = {}, const std::string& until = "") {
    v1::StartDelivery delivery;
    *delivery.mutable_start() = start;
    delivery.set_until(until);
    dispatcher_->StartDelivery(client.stream(), delivery);
  }
  // Of the event with this sequence.
  std::string Position(uint64_t sequence) {
    return log::PositionString({store_->event_log()->epoch(), sequence});
  }
  static v1::StartPosition After(const std::string& position) {
    v1::StartPosition start;
    start.set_after(position);
    return start;
  }
  static v1::StartPosition Earliest() {
    v1::StartPosition start;
    start.set_earliest(true);
    return start;
  }

  // Commits events and returns when they are on disk.
  void Publish(const std::string& type, const std::vector<std::string>& keys,
               const std::string& object = "{}") {
    log::CommitRequest request;
    request.publisher = "root";
    for (const std::string& key : keys) {
      const std::string record = Record(type, key, object);
      request.events.push_back(
          {static_cast<uint32_t>(request.records.size()), static_cast<uint32_t>(record.size()), 0});
      request.records += record;
    }
    absl::Notification done;
    request.done = [&done](const absl::Status& status, absl::Span<const log::AppendOutcome>) {
      EXPECT_TRUE(status.ok()) << status;
      done.Notify();
    };
    ASSERT_EQ(committer_->Submit(std::move(request), nullptr), log::SubmitVerdict::kAccepted);
    done.WaitForNotification();
  }
  // Events with the keys first to last.
  void PublishRange(int first, int last, const std::string& object = "{}") {
    std::vector<std::string> keys;
    for (int i = first; i <= last; ++i) keys.push_back(std::to_string(i));
    Publish("machines", keys, object);
  }
  static std::vector<std::string> Range(int first, int last) {
    std::vector<std::string> keys;
    for (int i = first; i <= last; ++i) keys.push_back(std::to_string(i));
    return keys;
  }

  absl::Mutex mu_;
  bool withhold_ ABSL_GUARDED_BY(mu_) = false;
  std::thread::id committed_by_ ABSL_GUARDED_BY(mu_);
  std::vector<log::EventBlockPtr> withheld_ ABSL_GUARDED_BY(mu_);
  std::string directory_;
  std::unique_ptr<store::LmdbStore> store_;
  std::unique_ptr<access::AccessControl> access_;
  std::unique_ptr<Dispatcher> dispatcher_;
  std::unique_ptr<log::Committer> committer_;
};

INSTANTIATE_TEST_SUITE_P(Threads, DispatcherTest,
                         testing::Values(CommitOn::kOwnThread, CommitOn::kThisThread),
                         [](const testing::TestParamInfo<CommitOn>& info) {
                           return info.param == CommitOn::kThisThread ? "Committers" : "Own";
                         });

TEST_P(DispatcherTest, AnEventGoesOnceToAStreamWithTheIdsOfAllSubscriptionsItMatches) {
  auto client = Open();
  Add(*client, {Subscription(1, "machines"), Subscription(2, "profiles"), Subscription(3)});
  Start(*client);
  ASSERT_TRUE(client->AwaitCommands(2));
  Publish("machines", {"a"});
  Publish("profiles", {"b"});
  Publish("params", {"c"});
  ASSERT_TRUE(client->AwaitEvents(3));
  EXPECT_EQ(client->keys(), (std::vector<std::string>{"a", "b", "c"}));
  auto matches = client->matches();
  for (auto& [key, ids] : matches) std::sort(ids.begin(), ids.end());
  EXPECT_EQ(matches["a"], (std::vector<int64_t>{1, 3}));
  EXPECT_EQ(matches["b"], (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(matches["c"], (std::vector<int64_t>{3}));
}

TEST_P(DispatcherTest, ABlockIsDispatchedByWhoBringsItIfSoAsked) {
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  int by_committer = 0;
  // While the dispatcher's own thread is at work, even then it is that one.
  for (int i = 0; i < 100; ++i) {
    Publish("jobs", {std::to_string(i)});
    ASSERT_TRUE(client->AwaitEvents(static_cast<size_t>(i) + 1));
    absl::MutexLock lock(&mu_);
    by_committer += client->filled_by() == committed_by_ ? 1 : 0;
  }
  if (GetParam() == CommitOn::kThisThread) {
    EXPECT_GT(by_committer, 0);
  } else {
    EXPECT_EQ(by_committer, 0);
  }
}

TEST_P(DispatcherTest, NothingIsDeliveredBeforeTheStart) {
  auto client = Open();
  Add(*client, {Subscription(1)});
  ASSERT_TRUE(client->AwaitCommands(1));
  Publish("machines", {"before"});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  Publish("machines", {"after"});
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->keys(), std::vector<std::string>{"after"});
}

TEST_P(DispatcherTest, EveryEventCommittedAfterAnAcknowledgementIsDelivered) {
  auto client = Open();
  Start(*client);
  for (int i = 0; i < 50; ++i) {
    const std::string type = absl::StrCat("type-", i);
    Publish(type, {"before"});
    Add(*client, {Subscription(i + 1, type)});
    ASSERT_TRUE(client->AwaitCommands(i + 2));
    Publish(type, {absl::StrCat("after-", i)});
  }
  ASSERT_TRUE(client->AwaitLast("after-49"));
  std::vector<std::string> expected;
  for (int i = 0; i < 50; ++i) expected.push_back(absl::StrCat("after-", i));
  std::vector<std::string> received = client->keys();
  // What was committed, and not dispatched yet, when the subscription was added may come too.
  received.erase(std::remove(received.begin(), received.end(), "before"), received.end());
  EXPECT_EQ(received, expected);
}

TEST_P(DispatcherTest, AnAddToALiveStreamSaysFirstHowFarTheStreamHasCome) {
  auto client = Open();
  Add(*client, {Subscription(1, "profiles")});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  PublishRange(1, 20);
  Publish("profiles", {"a"});
  ASSERT_TRUE(client->AwaitEvents(1));
  Publish("params", {"seen by none"});
  Add(*client, {Subscription(2, "machines")});
  ASSERT_TRUE(client->AwaitCommands(3));
  const v1::SubscribeResponse added = client->responses().back();
  ASSERT_TRUE(added.has_added());
  EXPECT_EQ(added.added().position(), client->last_position());
}

TEST_P(DispatcherTest, AnAddToAStreamThatCatchesUpIsAnsweredWhereItBegins) {
  Begin({.outbox_bytes_max = 4000, .recent_bytes_max = 1, .read_bytes = 2000});
  PublishRange(1, 500);
  auto client = Open(StreamKind::kSubscribe, "root", true);
  Add(*client, {Subscription(1, "profiles"), Subscription(2, "machines")});
  Start(*client, Earliest());
  ASSERT_TRUE(client->AwaitCommands(2));
  Publish("params", {"not yet"});
  Add(*client, {Subscription(3, "params"), Subscription(4, "params")});
  dispatcher_->Remove(client->stream(), {4});
  ASSERT_TRUE(client->AwaitCommands(4));
  EXPECT_EQ(dispatcher_->stats().streams_catching_up, 1);
  client->Hold(false);
  ASSERT_TRUE(client->AwaitLive());
  Publish("params", {"seen"});
  ASSERT_TRUE(client->AwaitLast("seen"));

  std::string place;
  std::map<int64_t, std::string> added_at;
  for (const v1::SubscribeResponse& response : client->responses()) {
    for (const v1::Event& event : response.events().events()) place = event.position();
    if (response.has_progress()) place = response.progress().position();
    for (int64_t id : response.added().subscription_ids()) {
      if (id == 3) {
        EXPECT_EQ(response.added().position(), place);
      }
      added_at[id] = place;
    }
    for (int64_t id : response.removed().subscription_ids()) EXPECT_TRUE(added_at.contains(id));
  }
  // The place is after the newest event that was dispatched, which "not yet" may not have been.
  const bool behind_not_yet = added_at.at(3) == Position(501);
  EXPECT_TRUE(behind_not_yet || added_at.at(3) == Position(500)) << added_at.at(3);
  std::vector<std::string> expected = Range(1, 500);
  if (!behind_not_yet) expected.push_back("not yet");
  expected.push_back("seen");
  EXPECT_EQ(client->keys(), expected);
}

TEST_P(DispatcherTest, AnAddToAStreamThatCatchesUpSeesWhatIsCommittedBeforeItsAnswer) {
  Begin({.outbox_bytes_max = 4000, .recent_bytes_max = 1, .read_bytes = 2000});
  const auto await_dispatched = [this](int64_t count) {
    const absl::Time deadline = absl::Now() + kDeadline;
    while (dispatcher_->stats().events_dispatched < count && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
    }
  };
  PublishRange(1, 500);
  await_dispatched(500);
  auto client = Open(StreamKind::kSubscribe, "root", true);
  Add(*client, {Subscription(1, "machines")});
  Start(*client, Earliest());
  Add(*client, {Subscription(2, "params")});
  ASSERT_TRUE(client->AwaitCommands(3));
  // These are read from the log together with events before the place of the second subscription.
  Publish("params", {"seen"});
  PublishRange(501, 502);
  await_dispatched(503);
  client->Hold(false);
  ASSERT_TRUE(client->AwaitLast("502"));
  std::vector<std::string> expected = Range(1, 500);
  for (const char* key : {"seen", "501", "502"}) expected.push_back(key);
  EXPECT_EQ(client->keys(), expected);
}

TEST_P(DispatcherTest, ARemovedSubscriptionReceivesNothingMore) {
  auto client = Open();
  Add(*client, {Subscription(1, "machines"), Subscription(2, "profiles")});
  Start(*client);
  dispatcher_->Remove(client->stream(), {1});
  ASSERT_TRUE(client->AwaitCommands(3));
  Publish("machines", {"a"});
  Publish("profiles", {"b"});
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->keys(), std::vector<std::string>{"b"});
}

TEST_P(DispatcherTest, AStreamFromTheStartReadsTheLogAndThenGoesLive) {
  PublishRange(1, 500);
  auto client = Open(StreamKind::kWatch);
  Add(*client, {Subscription(1)});
  Start(*client, Earliest());
  ASSERT_TRUE(client->AwaitLive());
  PublishRange(501, 600);
  ASSERT_TRUE(client->AwaitEvents(600));
  EXPECT_EQ(client->keys(), Range(1, 600));
}

TEST_P(DispatcherTest, WhatTheLogHoldsBeforeItIsDispatchedComesOnce) {
  Begin({.recent_bytes_max = 1});
  auto live = Open();
  Add(*live, {Subscription(1)});
  Start(*live);
  ASSERT_TRUE(live->AwaitLive());
  PublishRange(1, 50);
  PublishRange(51, 100);
  ASSERT_TRUE(live->AwaitEvents(100));
  Withhold(true);
  PublishRange(101, 200);
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client, Earliest());
  ASSERT_TRUE(client->AwaitLive());
  Withhold(false);
  PublishRange(201, 201);
  for (Client* each : {live.get(), client.get()}) {
    ASSERT_TRUE(each->AwaitLast("201"));
    EXPECT_EQ(each->keys(), Range(1, 201));
  }
}

TEST_P(DispatcherTest, AResumedStreamGoesOnAfterItsPosition) {
  PublishRange(1, 100);
  auto first = Open(StreamKind::kWatch);
  Add(*first, {Subscription(1)});
  Start(*first, Earliest());
  ASSERT_TRUE(first->AwaitEvents(100));
  const std::string position = first->last_position();
  first->Close();
  PublishRange(101, 200);
  auto second = Open(StreamKind::kWatch);
  Add(*second, {Subscription(1)});
  Start(*second, After(position));
  ASSERT_TRUE(second->AwaitEvents(100));
  EXPECT_EQ(second->keys(), Range(101, 200));
}

// Readers of every speed see every event once and in order, while publishing goes on.
TEST_P(DispatcherTest, AStreamThatOverflowsItsOutboxCatchesUpFromTheLogWithoutLossOrRepeat) {
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  options.recent_bytes_max = 256 << 10;
  options.message_bytes_max = 8 << 10;
  Begin(options);
  const std::string object = "\"" + std::string(1000, 'x') + "\"";
  auto slow = Open(StreamKind::kWatch);
  auto fast = Open(StreamKind::kWatch);
  for (Client* client : {slow.get(), fast.get()}) {
    Add(*client, {Subscription(1)});
    Start(*client);
    ASSERT_TRUE(client->AwaitLive());
  }
  constexpr int kRounds = 20;
  constexpr int kEvents = 100;
  for (int round = 0; round < kRounds; ++round) {
    slow->Hold(round % 4 != 3);
    PublishRange(round * kEvents + 1, (round + 1) * kEvents, object);
  }
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitEvents(kRounds * kEvents));
  ASSERT_TRUE(fast->AwaitEvents(kRounds * kEvents));
  EXPECT_EQ(slow->keys(), Range(1, kRounds * kEvents));
  EXPECT_EQ(fast->keys(), Range(1, kRounds * kEvents));
  EXPECT_GT(dispatcher_->stats().overflows, 0);
  EXPECT_LE(dispatcher_->stats().outbox_bytes, 64 << 10);
}

TEST_P(DispatcherTest, AHeldStreamNeverHoldsMoreThanItsBudget) {
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  Begin(options);
  auto slow = Open(StreamKind::kWatch, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow);
  ASSERT_TRUE(slow->AwaitCommands(2));
  for (int i = 0; i < 20; ++i) {
    PublishRange(1, 20, "\"" + std::string(1000, 'x') + "\"");
    EXPECT_LE(slow->stream()->outbox.bytes(), (64u << 10) + 100);
  }
}

TEST_P(DispatcherTest, AReaderOvertakenByRetentionIsToldOfTheGap) {
  const std::string object = "\"" + std::string(4000, 'x') + "\"";
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  options.recent_bytes_max = 1;
  Begin(options, {.age_max = absl::InfiniteDuration(), .bytes_max = 400'000});
  auto slow = Open(StreamKind::kWatch, "root");
  Add(*slow, {Subscription(1)});
  Start(*slow);
  ASSERT_TRUE(slow->AwaitLive());
  slow->Hold(true);
  int published = 0;
  while (store_->event_log()->bounds().first_sequence < 500) {
    PublishRange(published + 1, published + 20, object);
    published += 20;
  }
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitLast(std::to_string(published)));
  // More than one if trimming went on while it caught up.
  ASSERT_GE(slow->gaps().size(), 1u);
  int64_t missing = 0;
  for (const v1::Gap& gap : slow->gaps()) {
    EXPECT_EQ(gap.reason(), v1::Gap::REASON_RETENTION);
    missing += gap.event_count();
  }
  EXPECT_EQ(static_cast<int64_t>(slow->keys().size()) + missing, published);
}

TEST_P(DispatcherTest, APositionThatWasTrimmedIsRefusedWithWhereTheLogBegins) {
  Begin({}, {.age_max = absl::InfiniteDuration(), .bytes_max = 200'000});
  const std::string object = "\"" + std::string(4000, 'x') + "\"";
  while (store_->event_log()->bounds().first_sequence < 100) PublishRange(1, 20, object);
  // Nothing more is trimmed before the client comes back.
  committer_->Shutdown();
  auto client = Open(StreamKind::kWatch);
  Add(*client, {Subscription(1)});
  const uint32_t epoch = store_->event_log()->epoch();
  Start(*client, After(log::PositionString({epoch, 1})));
  ASSERT_TRUE(client->AwaitEnd());
  EXPECT_EQ(client->end().code(), absl::StatusCode::kOutOfRange);
  const auto info = wire::ErrorInfoOf(client->end());
  ASSERT_TRUE(info.has_value());
  EXPECT_EQ(info->reason(), "POSITION_TRIMMED");
  auto again = Open(StreamKind::kWatch);
  Add(*again, {Subscription(1)});
  Start(*again, After(info->metadata().at("earliest")));
  EXPECT_TRUE(again->AwaitLive());
}

TEST_P(DispatcherTest, APositionOfAnotherLogOrOfTheFutureIsRefused) {
  const uint32_t epoch = store_->event_log()->epoch();
  for (const std::string& position : {std::string("nonsense"), log::PositionString({epoch + 1, 0}),
                                      log::PositionString({epoch, 1'000'000})}) {
    auto client = Open(StreamKind::kWatch);
    Add(*client, {Subscription(1)});
    Start(*client, After(position));
    ASSERT_TRUE(client->AwaitEnd()) << position;
    EXPECT_EQ(client->end().code(), absl::StatusCode::kInvalidArgument) << position;
    EXPECT_EQ(wire::ErrorInfoOf(client->end())->reason(), "POSITION_INVALID");
  }
}

TEST_P(DispatcherTest, AStreamWithAnEndGetsEverythingUpToItAndIsComplete) {
  PublishRange(1, 500);
  for (StreamKind kind : {StreamKind::kWatch, StreamKind::kSubscribe}) {
    auto client = Open(kind);
    Add(*client, {Subscription(1)});
    Start(*client, After(Position(120)), Position(321));
    ASSERT_TRUE(client->AwaitComplete());
    EXPECT_EQ(client->keys(), Range(121, 321));
    const v1::Progress last = client->responses().back().progress();
    EXPECT_EQ(last.position(), Position(321));
    EXPECT_FALSE(last.live());
  }
  EXPECT_EQ(dispatcher_->stats().subscriptions, 0);
  EXPECT_EQ(dispatcher_->stats().streams_catching_up, 0);
}

TEST_P(DispatcherTest, AnEndMayBeTheNewestEventWhilePublishingGoesOn) {
  for (int round = 0; round < 50; ++round) {
    PublishRange(2 * round + 1, 2 * round + 2);
    const int newest = 2 * round + 2;
    auto client = Open();
    Add(*client, {Subscription(1)});
    Start(*client, After(Position(0)), Position(newest));
    ASSERT_TRUE(client->AwaitComplete());
    EXPECT_EQ(client->keys(), Range(1, newest));
  }
}

TEST_P(DispatcherTest, AnEndAtOrBeforeTheStartIsReachedAtOnce) {
  PublishRange(1, 10);
  for (uint64_t until : {3, 5, 10}) {
    for (uint64_t after : {5, 10}) {
      if (until > after) continue;
      auto client = Open();
      Add(*client, {Subscription(1)});
      Start(*client, After(Position(after)), Position(until));
      ASSERT_TRUE(client->AwaitComplete());
      EXPECT_TRUE(client->keys().empty());
      EXPECT_EQ(client->last_position(), Position(after));
    }
  }
}

TEST_P(DispatcherTest, AnEndThatIsNotInTheLogIsRefused) {
  PublishRange(1, 10);
  const uint32_t epoch = store_->event_log()->epoch();
  for (const std::string& until :
       {std::string("nonsense"), log::PositionString({epoch + 1, 5}), Position(11)}) {
    auto client = Open();
    Add(*client, {Subscription(1)});
    Start(*client, After(Position(1)), until);
    ASSERT_TRUE(client->AwaitEnd()) << until;
    EXPECT_EQ(client->end().code(), absl::StatusCode::kInvalidArgument) << until;
    EXPECT_EQ(wire::ErrorInfoOf(client->end())->reason(), "POSITION_INVALID");
  }
}

TEST_P(DispatcherTest, ACompleteStreamMayBeReadSlowlyAndGetsNothingElse) {
  DispatcherOptions options;
  options.progress_interval = absl::Milliseconds(5);
  Begin(options);
  PublishRange(1, 100);
  auto slow = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow, After(Position(0)), Position(100));
  ASSERT_TRUE(slow->AwaitAllQueued());
  Add(*slow, {Subscription(2)});
  dispatcher_->Remove(slow->stream(), {1});
  ASSERT_TRUE(slow->AwaitCommands(4));
  // Another stream shows that the time for its end has passed more than twice.
  auto other = Open(StreamKind::kWatch);
  Add(*other, {Subscription(1, "nothing-like-this")});
  Start(*other);
  for (int i = 101; i <= 104; ++i) {
    PublishRange(i, i);
    ASSERT_TRUE(other->AwaitPosition(Position(static_cast<uint64_t>(i))));
  }
  EXPECT_FALSE(slow->cut_off());
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitComplete());
  EXPECT_EQ(slow->keys(), Range(1, 100));
  std::vector<v1::SubscribeResponse::ResponseCase> kinds;
  for (const v1::SubscribeResponse& response : slow->responses()) {
    kinds.push_back(response.response_case());
  }
  using Response = v1::SubscribeResponse;
  EXPECT_EQ(kinds, (std::vector<Response::ResponseCase>{Response::kAdded, Response::kProgress,
                                                        Response::kEvents, Response::kProgress}));
}

TEST_P(DispatcherTest, ACompleteStreamThatIsNotReadEndsWithTheBroker) {
  PublishRange(1, 100);
  auto slow = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow, After(Position(0)), Position(100));
  ASSERT_TRUE(slow->AwaitAllQueued());
  dispatcher_->Stop(absl::UnavailableError("over"));
  ASSERT_TRUE(slow->AwaitEnd());
  EXPECT_EQ(slow->end(), absl::UnavailableError("over"));
}

TEST_P(DispatcherTest, AStreamWithAnEndThatRetentionOvertookIsToldOfTheGapUpToItsEnd) {
  const std::string object = "\"" + std::string(4000, 'x') + "\"";
  DispatcherOptions options;
  options.outbox_bytes_max = 64 << 10;
  options.recent_bytes_max = 1;
  Begin(options, {.age_max = absl::InfiniteDuration(), .bytes_max = 400'000});
  PublishRange(1, 60, object);
  auto slow = Open(StreamKind::kWatch, "root", /*hold=*/true);
  Add(*slow, {Subscription(1)});
  Start(*slow, After(Position(0)), Position(60));
  ASSERT_TRUE(slow->AwaitCommands(2));
  while (store_->event_log()->bounds().first_sequence < 100) PublishRange(61, 80, object);
  slow->Hold(false);
  ASSERT_TRUE(slow->AwaitComplete());
  ASSERT_EQ(slow->gaps().size(), 1u);
  EXPECT_EQ(slow->gaps()[0].until(), Position(60));
  EXPECT_EQ(static_cast<int64_t>(slow->keys().size()) + slow->gaps()[0].event_count(), 60);
  EXPECT_EQ(slow->last_position(), Position(60));
}

TEST_P(DispatcherTest, ASubscriptionMayBeginLaterThanItsStream) {
  PublishRange(1, 10);
  auto client = Open();
  NewSubscription late = Subscription(2);
  late.after = Position(7);
  NewSubscription invalid = Subscription(3);
  invalid.after = "nonsense";
  Add(*client, {Subscription(1, "", "3"), late, invalid});
  Start(*client, After(Position(0)), Position(9));
  ASSERT_TRUE(client->AwaitComplete());
  EXPECT_EQ(client->keys(), (std::vector<std::string>{"3", "8", "9"}));
  ASSERT_TRUE(client->responses()[0].has_closed());
  EXPECT_EQ(client->responses()[0].closed().subscription_ids(0), 3);
  EXPECT_EQ(client->responses()[0].closed().error().code(),
            static_cast<int>(absl::StatusCode::kInvalidArgument));
  // At the newest event too, where nothing is left to be read.
  PublishRange(11, 11);
  auto live = Open();
  late.after = Position(11);
  Add(*live, {Subscription(1, "", "12"), late});
  Start(*live, After(Position(10)));
  PublishRange(12, 12);
  ASSERT_TRUE(live->AwaitEvents(1));
  EXPECT_EQ(live->keys(), std::vector<std::string>{"12"});
}

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

TEST_P(DispatcherTest, AnIdThatIsTakenIsRefusedAndTheOthersGoIn) {
  auto client = Open();
  Add(*client, {Subscription(1, "machines"), Subscription(1, "profiles"), Subscription(2)});
  ASSERT_TRUE(client->AwaitCommands(1));
  std::vector<int64_t> added;
  std::vector<int> errors;
  for (const v1::SubscribeResponse& response : client->responses()) {
    for (int64_t id : response.added().subscription_ids()) added.push_back(id);
    if (response.has_closed()) errors.push_back(response.closed().error().code());
  }
  EXPECT_EQ(added, (std::vector<int64_t>{1, 2}));
  EXPECT_EQ(errors, std::vector<int>{static_cast<int>(absl::StatusCode::kAlreadyExists)});
}

TEST_P(DispatcherTest, TheNumberOfSubscriptionsOfAStreamIsLimited) {
  DispatcherOptions options;
  options.subscriptions_per_stream_max = 2;
  Begin(options);
  auto client = Open();
  Add(*client, {Subscription(1), Subscription(2), Subscription(3)});
  ASSERT_TRUE(client->AwaitCommands(1));
  bool refused = false;
  for (const v1::SubscribeResponse& response : client->responses()) {
    refused |=
        response.closed().error().code() == static_cast<int>(absl::StatusCode::kResourceExhausted);
  }
  EXPECT_TRUE(refused);
}

TEST_P(DispatcherTest, TheNumberOfStreamsIsLimitedAndFreedWhenTheyClose) {
  DispatcherOptions options;
  options.streams_max = 2;
  Begin(options);
  auto first = Open();
  auto second = Open();
  Client third(dispatcher_.get());
  auto session = access_->OpenOwnSession(LogIn("root"));
  EXPECT_EQ(dispatcher_->Open(StreamKind::kWatch, *session, &third).status().code(),
            absl::StatusCode::kResourceExhausted);
  first->Close();
  auto stream = dispatcher_->Open(StreamKind::kWatch, *session, &third);
  ASSERT_TRUE(stream.ok()) << stream.status();
  third.Attach(*stream);
}

TEST_P(DispatcherTest, AClientThatAsksWithoutEverReadingIsCutOff) {
  DispatcherOptions options;
  options.outbox_bytes_max = 4 << 10;
  options.progress_interval = absl::Milliseconds(10);
  Begin(options);
  auto client = Open(StreamKind::kSubscribe, "root", /*hold=*/true);
  for (int i = 0; i < 2000; ++i) Add(*client, {Subscription(i + 1)});
  ASSERT_TRUE(client->AwaitEnd());
  EXPECT_EQ(wire::ErrorInfoOf(client->end())->reason(), "STREAM_NOT_READ");
}

TEST_P(DispatcherTest, AClientThatReadsNothingIsCutOffAndOneThatReadsSlowlyIsNot) {
  DispatcherOptions options;
  options.outbox_bytes_max = 4 << 10;
  options.message_bytes_max = 100;
  options.progress_interval = absl::Milliseconds(10);
  options.stall_timeout = absl::Milliseconds(1500);
  Begin(options);
  auto slow = Open(StreamKind::kWatch);
  auto stuck = Open(StreamKind::kWatch, "root", /*hold=*/true);
  auto idle = Open(StreamKind::kWatch);
  Add(*slow, {Subscription(1, "machines")});
  Add(*stuck, {Subscription(1, "machines")});
  Add(*idle, {Subscription(1, "nothing")});
  for (const auto* client : {&slow, &stuck, &idle}) Start(**client);
  ASSERT_TRUE(slow->AwaitLive());
  for (int i = 1; i <= 20; ++i) {
    slow->Hold(true);
    PublishRange(i, i);
    absl::SleepFor(absl::Milliseconds(50));
    slow->Hold(false);
  }
  ASSERT_TRUE(stuck->AwaitEnd());
  EXPECT_EQ(wire::ErrorInfoOf(stuck->end())->reason(), "STREAM_NOT_READ");
  ASSERT_TRUE(slow->AwaitLast("20"));
  EXPECT_EQ(slow->keys(), Range(1, 20));
  EXPECT_TRUE(slow->end().ok());
  EXPECT_TRUE(idle->end().ok());
}

TEST_P(DispatcherTest, AllOutboxesTogetherHoldNoMoreThanTheyMay) {
  DispatcherOptions options;
  options.outboxes_bytes_max = 100'000;
  options.recent_bytes_max = 1;
  options.read_bytes = 10'000;
  Begin(options);
  std::vector<std::unique_ptr<Client>> clients;
  for (int i = 0; i < 10; ++i) {
    clients.push_back(Open(StreamKind::kWatch, "root", /*hold=*/true));
    Add(*clients.back(), {Subscription(1)});
    Start(*clients.back());
    ASSERT_TRUE(clients.back()->AwaitCommands(2));
  }
  const std::string object = "\"" + std::string(1000, 'x') + "\"";
  int64_t most = 0;
  for (int i = 1; i <= 500; ++i) {
    PublishRange(i, i, object);
    most = std::max(most, dispatcher_->stats().outbox_bytes.load());
  }
  // Each may have one event or read beyond it.
  EXPECT_LT(most, 100'000 + 10 * 12'000);
  for (const auto& client : clients) client->Hold(false);
  for (const auto& client : clients) {
    ASSERT_TRUE(client->AwaitEvents(500));
    EXPECT_EQ(client->keys(), Range(1, 500));
  }
}

TEST_P(DispatcherTest, AStreamNeverGoesBackBehindThePlaceItWasTold) {
  Begin({.recent_bytes_max = 1});
  PublishRange(1, 10);
  Withhold(true);
  PublishRange(11, 20);
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  EXPECT_EQ(client->last_position(), Position(20));
  Add(*client, {Subscription(2)});
  ASSERT_TRUE(client->AwaitCommands(3));
  EXPECT_EQ(client->responses().back().added().position(), Position(20));
  Withhold(false);
  PublishRange(21, 21);
  ASSERT_TRUE(client->AwaitEvents(1));
  EXPECT_EQ(client->matches(), (std::map<std::string, std::vector<int64_t>>{{"21", {1, 2}}}));
}

TEST_P(DispatcherTest, AStreamWithoutMatchesIsToldHowFarItHasCome) {
  DispatcherOptions options;
  options.progress_interval = absl::Milliseconds(10);
  Begin(options);
  auto client = Open(StreamKind::kWatch);
  Add(*client, {Subscription(1, "nothing-like-this")});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  PublishRange(1, 100);
  EXPECT_TRUE(client->AwaitPosition(log::PositionString({store_->event_log()->epoch(), 100})));
  EXPECT_TRUE(client->keys().empty());
}

TEST_P(DispatcherTest, StoppingEndsAllStreams) {
  auto client = Open();
  Add(*client, {Subscription(1)});
  Start(*client);
  ASSERT_TRUE(client->AwaitLive());
  dispatcher_->Stop(absl::UnavailableError("over"));
  ASSERT_TRUE(client->AwaitEnd());
  EXPECT_EQ(client->end(), absl::UnavailableError("over"));
}

}  // namespace
}  // namespace carillon::delivery
