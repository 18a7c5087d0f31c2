// What tests of the subscriber share: options, a handler that writes down what it hears, scripts.
#ifndef CARILLON_TESTS_UNIT_CLIENT_SUBSCRIBER_RECORDER_H_
#define CARILLON_TESTS_UNIT_CLIENT_SUBSCRIBER_RECORDER_H_

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/synchronization/mutex.h"
#include "carillon/client/subscriber.h"
#include "tests/unit/client/fake_broker.h"

namespace carillon::client {

inline v1::Subscription MakeSubscription(int64_t id) {
  v1::Subscription subscription;
  subscription.set_subscription_id(id);
  return subscription;
}

inline SubscriberOptions FastRetries() {
  SubscriberOptions options;
  options.backoff_min = absl::Milliseconds(1);
  options.backoff_max = absl::Milliseconds(20);
  return options;
}

inline SubscriberOptions After(const std::string& position) {
  SubscriberOptions options = FastRetries();
  options.start.set_after(position);
  return options;
}

// Writes down what it hears, one line a call, and asks for `wanted` when connected.
class Recorder : public SubscriberHandler {
 public:
  using Done = std::function<void(std::vector<v1::Subscription>)>;

  explicit Recorder(std::vector<v1::Subscription> wanted = {MakeSubscription(1)})
      : wanted_(std::move(wanted)) {}

  void OnConnected(Done done) override {
    Note("connected");
    if (on_connected) return on_connected(std::move(done));
    done(wanted_);
  }
  void OnDisconnected(const absl::Status& status) override {
    Note(absl::StrCat("disconnected ", absl::StatusCodeToString(status.code())));
  }
  void OnEvents(absl::Span<const ReceivedEvent> events) override {
    for (const ReceivedEvent& event : events) {
      Note(absl::StrCat("event ", event.event.key, " for ",
                        absl::StrJoin(event.subscription_ids, ",")));
    }
  }
  void OnAdded(const v1::SubscriptionsAdded& added) override {
    Note(absl::StrCat("added ", absl::StrJoin(added.subscription_ids(), ",")));
  }
  void OnRemoved(const v1::SubscriptionsRemoved& removed) override {
    Note(absl::StrCat("removed ", absl::StrJoin(removed.subscription_ids(), ",")));
  }
  void OnClosed(const v1::SubscriptionsClosed& closed) override {
    Note(absl::StrCat("closed ", absl::StrJoin(closed.subscription_ids(), ",")));
  }
  void OnProgress(const v1::Progress& progress) override {
    Note(absl::StrCat("progress ", progress.position()));
  }
  void OnGap(const v1::Gap& gap) override {
    if (on_gap) on_gap();
    Note(absl::StrCat("gap ", gap.after(), "..", gap.until(), " ",
                      v1::Gap::Reason_Name(gap.reason())));
  }
  void OnSessionChange(const v1::SessionChange& change) override {
    Note(absl::StrCat("session ", change.session_id()));
  }

  // Waits until `line` was noted. False: the deadline passed.
  bool WaitFor(const std::string& line) const {
    absl::MutexLock lock(&mu_);
    const auto there = [this, &line]() ABSL_SHARED_LOCKS_REQUIRED(mu_) {
      return std::find(lines_.begin(), lines_.end(), line) != lines_.end();
    };
    const bool found = mu_.AwaitWithTimeout(absl::Condition(&there), kTestDeadline);
    EXPECT_TRUE(found) << line << " was not heard, but: " << absl::StrJoin(lines_, "; ");
    return found;
  }
  std::vector<std::string> lines() const {
    absl::MutexLock lock(&mu_);
    return lines_;
  }
  std::vector<std::string> LinesWith(absl::string_view prefix) const {
    std::vector<std::string> found;
    for (const std::string& line : lines()) {
      if (line.rfind(std::string(prefix), 0) == 0) found.push_back(line);
    }
    return found;
  }

  // Set before the start; called instead of done(wanted).
  std::function<void(Done)> on_connected;
  // Set before the start.
  std::function<void()> on_gap;

 private:
  void Note(std::string line) {
    absl::MutexLock lock(&mu_);
    lines_.push_back(std::move(line));
  }

  const std::vector<v1::Subscription> wanted_;
  mutable absl::Mutex mu_;
  std::vector<std::string> lines_ ABSL_GUARDED_BY(mu_);
};

inline absl::Status Broken() { return absl::UnavailableError("the test breaks the stream"); }

// A script that expects the stream to begin after `position`, writes `responses` and then waits for
// the client to go away.
inline FakeBroker::SubscribeScript ExpectAfter(const std::string& position,
                                               std::vector<v1::SubscribeResponse> responses,
                                               absl::Status end = absl::OkStatus()) {
  return [=](FakeSubscribe& stream) {
    const std::optional<SubscribeOpening> opening = ReadOpening(stream);
    if (!opening.has_value()) return absl::OkStatus();
    EXPECT_EQ(opening->start.after(), position);
    for (const v1::SubscribeResponse& response : responses) stream.Write(response);
    if (end.ok()) stream.ReadToEnd();
    return end;
  };
}

}  // namespace carillon::client

#endif  // CARILLON_TESTS_UNIT_CLIENT_SUBSCRIBER_RECORDER_H_
