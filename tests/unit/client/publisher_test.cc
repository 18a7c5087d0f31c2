#include "carillon/client/publisher.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/synchronization/notification.h"
#include "carillon/wire/error.h"
#include "tests/unit/client/fake_broker.h"
#include "tests/unit/program/scratch_folder.h"

namespace carillon::client {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

v1::PublishStreamRequest Batch(std::vector<std::string> keys) {
  v1::PublishStreamRequest request;
  for (const std::string& key : keys) *request.add_events() = MakeEvent(key);
  return request;
}

v1::PublishStreamResponse AnswerTo(const v1::PublishStreamRequest& request) {
  v1::PublishStreamResponse answer;
  for (const v1::Event& event : request.events()) {
    answer.add_results()->set_position(absl::StrCat("p-", event.key()));
  }
  return answer;
}

// What a script of the broker reads, on the broker's threads, for the test to look at.
template <typename T>
class Notes {
 public:
  void Add(T note) {
    absl::MutexLock lock(&mu_);
    notes_.push_back(std::move(note));
  }
  std::vector<T> all() const {
    absl::MutexLock lock(&mu_);
    return notes_;
  }

 private:
  mutable absl::Mutex mu_;
  std::vector<T> notes_ ABSL_GUARDED_BY(mu_);
};

// Answers `count` batches, notes the keys it read, and ends.
FakeBroker::PublishScript AnswerBatches(size_t count, Notes<std::string>* keys,
                                        absl::Status end = absl::OkStatus()) {
  return [=](FakePublish& stream) {
    for (size_t i = 0; i < count; ++i) {
      const std::optional<v1::PublishStreamRequest> request = stream.Read();
      if (!request.has_value()) return end;
      for (const v1::Event& event : request->events()) keys->Add(event.key());
      stream.Write(AnswerTo(*request));
    }
    return end;
  };
}

// Reads `count` batches, notes the events it read, answers none and breaks the stream.
FakeBroker::PublishScript LoseBatches(size_t count, Notes<v1::Event>* lost, absl::Status end) {
  return [=](FakePublish& stream) {
    for (size_t i = 0; i < count; ++i) {
      const std::optional<v1::PublishStreamRequest> request = stream.Read();
      if (!request.has_value()) break;
      for (const v1::Event& event : request->events()) lost->Add(event);
    }
    return end;
  };
}

absl::Status Broken() { return absl::UnavailableError("the test breaks the stream"); }

// Notes what the callbacks are told: the position of the first event or the code of the error.
class Answers {
 public:
  Publisher::Callback Next() {
    return [this](const absl::StatusOr<v1::PublishStreamResponse>& answer) {
      absl::MutexLock lock(&mu_);
      lines_.push_back(answer.ok() ? answer->results(0).position()
                                   : absl::StatusCodeToString(answer.status().code()));
    };
  }
  std::vector<std::string> lines() const {
    absl::MutexLock lock(&mu_);
    return lines_;
  }

 private:
  mutable absl::Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

PublisherOptions Retrying() {
  PublisherOptions options;
  options.retry_for = kTestDeadline;
  options.backoff_min = absl::Milliseconds(1);
  options.backoff_max = absl::Milliseconds(20);
  return options;
}

TEST(PublisherTest, AnswersComeInTheOrderOfTheBatches) {
  FakeBroker broker;
  Notes<std::string> keys;
  broker.OnPublishStream(AnswerBatches(1000, &keys));
  Answers answers;
  Publisher publisher(broker.Connect(), PublisherOptions());
  std::vector<std::string> expected;
  for (int i = 0; i < 1000; ++i) {
    publisher.Publish(Batch({absl::StrCat(i)}), answers.Next());
    expected.push_back(absl::StrCat("p-", i));
  }
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_EQ(answers.lines(), expected);
}

TEST(PublisherTest, FinishClosesTheStreamAndTheNextBatchOpensAnother) {
  FakeBroker broker;
  Notes<std::string> first, second;
  std::atomic<bool> half_closed = false;
  broker.OnPublishStream([&](FakePublish& stream) {
    const absl::Status end = AnswerBatches(1, &first)(stream);
    half_closed = !stream.Read().has_value();
    return end;
  });
  broker.OnPublishStream(AnswerBatches(1, &second));
  Answers answers;
  Publisher publisher(broker.Connect(), PublisherOptions());
  EXPECT_TRUE(publisher.Finish().ok());
  publisher.Publish(Batch({"a"}), answers.Next());
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_TRUE(half_closed);
  publisher.Publish(Batch({"b"}), answers.Next());
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_THAT(first.all(), ElementsAre("a"));
  EXPECT_THAT(second.all(), ElementsAre("b"));
}

TEST(PublisherTest, ABrokenStreamFailsWhatWasNotAnsweredIfThereIsNoRetry) {
  FakeBroker broker;
  Notes<std::string> keys;
  broker.OnPublishStream([&keys](FakePublish& stream) {
    AnswerBatches(1, &keys)(stream).IgnoreError();
    Notes<v1::Event> lost;
    return LoseBatches(2, &lost, Broken())(stream);
  });
  Answers answers;
  Publisher publisher(broker.Connect(), PublisherOptions());
  for (const char* key : {"a", "b", "c"}) publisher.Publish(Batch({key}), answers.Next());
  EXPECT_EQ(publisher.Finish(), Broken());
  EXPECT_THAT(answers.lines(), ElementsAre("p-a", "UNAVAILABLE", "UNAVAILABLE"));
}

TEST(PublisherTest, SendsWhatWasNotAnsweredOnceMoreUnderTheSameEventIds) {
  FakeBroker broker;
  Notes<std::string> keys;
  Notes<v1::Event> lost_notes, seen_notes;
  broker.OnPublishStream([&](FakePublish& stream) {
    AnswerBatches(1, &keys)(stream).IgnoreError();
    return LoseBatches(2, &lost_notes, Broken())(stream);
  });
  broker.OnPublishStream([&](FakePublish& stream) {
    while (const std::optional<v1::PublishStreamRequest> request = stream.Read()) {
      for (const v1::Event& event : request->events()) seen_notes.Add(event);
      stream.Write(AnswerTo(*request));
    }
    return absl::OkStatus();
  });
  Answers answers;
  Publisher publisher(broker.Connect(), Retrying());
  publisher.Publish(Batch({"a"}), answers.Next());
  publisher.Publish(Batch({"b", "c"}), answers.Next());
  v1::PublishStreamRequest with_id = Batch({"d"});
  with_id.mutable_events(0)->set_event_id("chosen");
  publisher.Publish(with_id, answers.Next());
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_THAT(keys.all(), ElementsAre("a"));
  EXPECT_THAT(answers.lines(), ElementsAre("p-a", "p-b", "p-d"));
  const std::vector<v1::Event> lost = lost_notes.all(), seen = seen_notes.all();
  ASSERT_THAT(lost, SizeIs(3));
  ASSERT_THAT(seen, SizeIs(3));
  for (size_t i = 0; i < 3; ++i) {
    EXPECT_EQ(seen[i].key(), lost[i].key());
    EXPECT_EQ(seen[i].event_id(), lost[i].event_id());
  }
  EXPECT_EQ(seen[0].event_id().size(), 26u + 1 + 16);
  EXPECT_LT(seen[0].event_id(), seen[1].event_id());
  EXPECT_EQ(seen[2].event_id(), "chosen");
}

TEST(PublisherTest, LeavesEventsWithoutIdsAloneIfThereIsNoRetry) {
  FakeBroker broker;
  Notes<v1::Event> lost;
  broker.OnPublishStream(LoseBatches(1, &lost, Broken()));
  Publisher publisher(broker.Connect(), PublisherOptions());
  publisher.Publish(Batch({"a"}), [](const auto&) {});
  EXPECT_FALSE(publisher.Finish().ok());
  ASSERT_THAT(lost.all(), SizeIs(1));
  EXPECT_EQ(lost.all()[0].event_id(), "");
}

TEST(PublisherTest, WaitsWhenTheBrokerIsTooBusy) {
  FakeBroker broker;
  Notes<v1::Event> lost;
  Notes<std::string> keys;
  const absl::Status busy =
      wire::WithRetry(absl::ResourceExhaustedError("busy"), absl::Milliseconds(1));
  broker.OnPublishStream(LoseBatches(1, &lost, busy));
  broker.OnPublishStream(LoseBatches(1, &lost, busy));
  broker.OnPublishStream(AnswerBatches(1, &keys));
  Answers answers;
  Publisher publisher(broker.Connect(), Retrying());
  publisher.Publish(Batch({"a"}), answers.Next());
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_THAT(answers.lines(), ElementsAre("p-a"));
}

TEST(PublisherTest, OtherErrorsAreNotRetried) {
  // The last one without RetryInfo, as gRPC itself gives it for a request that is too large.
  for (const absl::Status& error :
       {absl::PermissionDeniedError("no"), absl::ResourceExhaustedError("too large")}) {
    FakeBroker broker;
    Notes<v1::Event> lost;
    broker.OnPublishStream(LoseBatches(1, &lost, error));
    Answers answers;
    Publisher publisher(broker.Connect(), Retrying());
    publisher.Publish(Batch({"a"}), answers.Next());
    EXPECT_EQ(publisher.Finish(), error);
    EXPECT_THAT(answers.lines(), ElementsAre(absl::StatusCodeToString(error.code())));
  }
}

TEST(PublisherTest, StoresNothingBehindAFailureIfItIsToldSo) {
  FakeBroker broker;
  Notes<v1::Event> lost;
  broker.OnPublishStream(LoseBatches(1, &lost, absl::PermissionDeniedError("no")));
  PublisherOptions options = Retrying();
  options.stop_at_failure = true;
  Answers answers;
  Publisher publisher(broker.Connect(), options);
  publisher.Publish(Batch({"a"}), answers.Next());
  EXPECT_FALSE(publisher.Finish().ok());
  publisher.Publish(Batch({"b"}), answers.Next());
  publisher.Publish(Batch({"c"}), answers.Next());
  EXPECT_FALSE(publisher.Finish().ok());
  EXPECT_THAT(answers.lines(),
              ElementsAre("PERMISSION_DENIED", "PERMISSION_DENIED", "PERMISSION_DENIED"));
  EXPECT_THAT(broker.authorizations(), SizeIs(1)) << "no other stream was opened";
}

TEST(PublisherTest, GivesUpWhenNoAnswerCameForSoLong) {
  ConnectionOptions nowhere;
  {
    FakeBroker gone;
    nowhere.broker = gone.address();
  }
  nowhere.plaintext = true;
  PublisherOptions options = Retrying();
  options.retry_for = absl::Milliseconds(50);
  Answers answers;
  Publisher publisher(*Connection::Open(nowhere), options);
  publisher.Publish(Batch({"a"}), answers.Next());
  publisher.Publish(Batch({"b"}), answers.Next());
  const absl::Status status = publisher.Finish();
  EXPECT_TRUE(absl::IsUnavailable(status)) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("gave up after 50ms"));
  EXPECT_THAT(answers.lines(), ElementsAre("UNAVAILABLE", "UNAVAILABLE"));
}

TEST(PublisherTest, TriesOnceMoreWhenItsTimeIsUp) {
  FakeBroker broker;
  Notes<v1::Event> lost;
  Notes<std::string> keys;
  broker.OnPublishStream(LoseBatches(1, &lost, Broken()));
  broker.OnPublishStream(AnswerBatches(1, &keys));
  PublisherOptions options;
  options.retry_for = absl::Milliseconds(200);
  options.backoff_min = options.backoff_max = absl::Hours(1);
  Answers answers;
  Publisher publisher(broker.Connect(), options);
  publisher.Publish(Batch({"a"}), answers.Next());
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_THAT(answers.lines(), ElementsAre("p-a"));
}

TEST(PublisherTest, TriesARenewedTokenOnceEachTime) {
  const program::ScratchFolder folder;
  const absl::Status expired = absl::UnauthenticatedError("the token has expired");
  FakeBroker broker;
  Notes<v1::Event> lost;
  Notes<std::string> keys;
  broker.OnPublishStream(LoseBatches(1, &lost, expired));
  broker.OnPublishStream(AnswerBatches(1, &keys, expired));
  broker.OnPublishStream(LoseBatches(1, &lost, expired));
  broker.OnPublishStream(LoseBatches(1, &lost, expired));
  ConnectionOptions connection;
  connection.token_file = folder.Write("token", "one");
  Answers answers;
  Publisher publisher(broker.Connect(connection), Retrying());
  publisher.Publish(Batch({"a"}), answers.Next());
  publisher.Publish(Batch({"b"}), answers.Next());
  EXPECT_EQ(publisher.Finish(), expired);
  EXPECT_THAT(answers.lines(), ElementsAre("p-a", "UNAUTHENTICATED"));
}

TEST(PublisherTest, WhatCallbacksHoldIsGoneWhenFinishReturns) {
  for (int round = 0; round < 100; ++round) {
    FakeBroker broker;
    Notes<v1::Event> lost;
    broker.OnPublishStream(LoseBatches(1, &lost, Broken()));
    Publisher publisher(broker.Connect(), PublisherOptions());
    auto held = std::make_shared<std::string>(1 << 20, 'x');
    const std::weak_ptr<std::string> seen = held;
    publisher.Publish(Batch({"a"}), [held = std::move(held)](const auto&) {});
    EXPECT_FALSE(publisher.Finish().ok());
    ASSERT_TRUE(seen.expired()) << round;
  }
}

TEST(PublisherTest, GoesOnWithABrokerThatWasStartedAgain) {
  auto broker = std::make_unique<FakeBroker>();
  const std::string address = broker->address();
  absl::Notification read;
  broker->OnPublishStream([&read](FakePublish& stream) {
    stream.Read();
    read.Notify();
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Answers answers;
  Publisher publisher(broker->Connect(), Retrying());
  publisher.Publish(Batch({"a"}), answers.Next());
  ASSERT_TRUE(read.WaitForNotificationWithTimeout(kTestDeadline));
  broker.reset();
  broker = std::make_unique<FakeBroker>(address);
  Notes<std::string> keys;
  broker->OnPublishStream(AnswerBatches(1, &keys));
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_THAT(answers.lines(), ElementsAre("p-a"));
}

TEST(PublisherTest, PublishWaitsWhileTheWindowIsFull) {
  FakeBroker broker;
  std::atomic<bool> answered = false;
  absl::Notification first_read, answer_first;
  Notes<std::string> keys;
  broker.OnPublishStream([&](FakePublish& stream) {
    const std::optional<v1::PublishStreamRequest> request = stream.Read();
    first_read.Notify();
    answer_first.WaitForNotificationWithTimeout(kTestDeadline);
    answered = true;
    stream.Write(AnswerTo(*request));
    return AnswerBatches(1, &keys)(stream);
  });
  PublisherOptions options;
  options.window_bytes_max = 10;
  Answers answers;
  Publisher publisher(broker.Connect(), options);
  publisher.Publish(Batch({"larger than the window"}), answers.Next());
  std::thread next([&] {
    publisher.Publish(Batch({"b"}), answers.Next());
    EXPECT_TRUE(answered);
  });
  EXPECT_TRUE(first_read.WaitForNotificationWithTimeout(kTestDeadline));
  answer_first.Notify();
  next.join();
  EXPECT_TRUE(publisher.Finish().ok());
  EXPECT_THAT(keys.all(), ElementsAre("b"));
}

TEST(PublisherTest, AnAnswerThatDoesNotFitItsBatchFailsIt) {
  FakeBroker broker;
  broker.OnPublishStream([](FakePublish& stream) {
    stream.Read();
    stream.Write(AnswerTo(Batch({"one", "too", "many"})));
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Answers answers;
  Publisher publisher(broker.Connect(), PublisherOptions());
  publisher.Publish(Batch({"a"}), answers.Next());
  EXPECT_THAT(std::string(publisher.Finish().message()), HasSubstr("3 results to a batch of 1"));
  EXPECT_THAT(answers.lines(), ElementsAre("INTERNAL"));
}

TEST(PublisherTest, AnAnswerToNothingFailsTheStream) {
  FakeBroker broker;
  broker.OnPublishStream([](FakePublish& stream) {
    const std::optional<v1::PublishStreamRequest> request = stream.Read();
    stream.Write(AnswerTo(*request));
    stream.Write(AnswerTo(*request));
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  Answers answers;
  Publisher publisher(broker.Connect(), PublisherOptions());
  publisher.Publish(Batch({"a"}), answers.Next());
  publisher.Finish().IgnoreError();
  EXPECT_THAT(answers.lines(), ElementsAre("p-a"));
}

TEST(PublisherTest, UnusableCredentialsFailTheBatch) {
  FakeBroker broker;
  const std::string token_file = absl::StrCat(testing::TempDir(), "/publisher_token");
  std::fclose(std::fopen(token_file.c_str(), "w"));
  ConnectionOptions connection;
  connection.token_file = token_file;
  Answers answers;
  Publisher publisher(broker.Connect(connection), Retrying());
  publisher.Publish(Batch({"a"}), answers.Next());
  EXPECT_TRUE(absl::IsUnauthenticated(publisher.Finish()));
  EXPECT_THAT(answers.lines(), ElementsAre("UNAUTHENTICATED"));
}

TEST(PublisherTest, DestructionCancelsWhatIsNotAnswered) {
  FakeBroker broker;
  Answers answers;
  absl::Notification read;
  broker.OnPublishStream([&read](FakePublish& stream) {
    stream.Read();
    read.Notify();
    stream.ReadToEnd();
    return absl::OkStatus();
  });
  {
    Publisher publisher(broker.Connect(), Retrying());
    publisher.Publish(Batch({"a"}), answers.Next());
    publisher.Publish(Batch({"b"}), answers.Next());
    ASSERT_TRUE(read.WaitForNotificationWithTimeout(kTestDeadline));
  }
  EXPECT_THAT(answers.lines(), ElementsAre("CANCELLED", "CANCELLED"));
}

TEST(PublisherTest, DestructionCancelsWhatWaitsToBeTriedAgain) {
  FakeBroker broker;
  Notes<v1::Event> lost;
  absl::Notification read;
  broker.OnPublishStream([&](FakePublish& stream) {
    const absl::Status end = LoseBatches(1, &lost, Broken())(stream);
    read.Notify();
    return end;
  });
  PublisherOptions options = Retrying();
  options.retry_for = options.backoff_min = options.backoff_max = absl::Hours(2);
  Answers answers;
  {
    Publisher publisher(broker.Connect(), options);
    publisher.Publish(Batch({"a"}), answers.Next());
    ASSERT_TRUE(read.WaitForNotificationWithTimeout(kTestDeadline));
  }
  EXPECT_THAT(answers.lines(), ElementsAre("CANCELLED"));
}

}  // namespace
}  // namespace carillon::client
