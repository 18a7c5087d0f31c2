// A dispatcher with the real store, committer and access control, and clients of its streams.
#ifndef CARILLON_TESTS_UNIT_DELIVERY_DISPATCHER_FIXTURE_H_
#define CARILLON_TESTS_UNIT_DELIVERY_DISPATCHER_FIXTURE_H_

#include <gtest/gtest.h>

#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <variant>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "broker/access/access_control.h"
#include "broker/delivery/dispatcher.h"
#include "broker/delivery/response_encoder.h"
#include "broker/log/committer.h"
#include "broker/log/position.h"
#include "broker/store/lmdb_store.h"
#include "carillon/v1/event_service.pb.h"
#include "tests/unit/delivery/blocks.h"

namespace carillon::delivery {

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
      for (const MessagePart& part : EncodeEvents(std::get<std::vector<Deliveries>>(message))) {
        bytes.append(part.bytes.data(), part.bytes.size());
      }
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

inline auto AnyThread() { return testing::Values(CommitOn::kOwnThread, CommitOn::kThisThread); }
inline std::string ThreadName(const testing::TestParamInfo<CommitOn>& info) {
  return info.param == CommitOn::kThisThread ? "Committers" : "Own";
}

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
    SubscriberPtr stream = dispatcher_->MakeSubscriber(kind, *session, client.get());
    client->Attach(stream);
    EXPECT_TRUE(dispatcher_->Open(stream).ok());
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
    subscription.filter_bytes = filter.ByteSizeLong();
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
  // What Publish has committed is dispatched soon after it returns.
  void AwaitDispatched(int64_t count) {
    const absl::Time deadline = absl::Now() + kDeadline;
    while (dispatcher_->stats().events_dispatched < count && absl::Now() < deadline) {
      absl::SleepFor(absl::Milliseconds(1));
    }
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

}  // namespace carillon::delivery

#endif  // CARILLON_TESTS_UNIT_DELIVERY_DISPATCHER_FIXTURE_H_
