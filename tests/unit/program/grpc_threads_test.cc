#include "deploy/program/grpc_threads.h"

#include <gmock/gmock.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>
#include <gtest/gtest.h>
#include <pthread.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/synchronization/notification.h"
#include "absl/time/time.h"

namespace carillon::program {
namespace {

using testing::ElementsAre;
using testing::UnorderedElementsAre;

std::string ThisThread() {
  char name[16] = {};
  pthread_getname_np(pthread_self(), name, sizeof(name));
  return name;
}

// A call, of which only matters that it ends and calls back.
class Call {
 public:
  explicit Call(std::function<void()> done)
      : stub_(grpc::CreateChannel("unix:/no/such/socket", grpc::InsecureChannelCredentials())),
        done_(std::move(done)) {
    stub_.UnaryCall(&context_, "/nobody/answers", {}, &request_, &response_,
                    [this](const grpc::Status&) {
                      done_();
                      ended_.Notify();
                    });
  }
  ~Call() { ended_.WaitForNotification(); }

 private:
  grpc::GenericStub stub_;
  grpc::ClientContext context_;
  const grpc::Slice nothing_;
  grpc::ByteBuffer request_{&nothing_, 1};
  grpc::ByteBuffer response_;
  const std::function<void()> done_;
  absl::Notification ended_;
};

// Waits, but not forever.
void Await(absl::Notification* notification) {
  ASSERT_TRUE(notification->WaitForNotificationWithTimeout(absl::Seconds(60)));
}

TEST(GrpcThreadsTest, CallBackInPlaceOfGrpcsOwn) {
  SetGrpcThreads(2);
  std::string first, second;
  {
    // Each waits until the other is called back.
    absl::Notification one_came, other_came;
    Call one([&] {
      first = ThisThread();
      one_came.Notify();
      Await(&other_came);
    });
    Call other([&] {
      second = ThisThread();
      other_came.Notify();
      Await(&one_came);
    });
  }
  EXPECT_THAT((std::vector{first, second}), UnorderedElementsAre("grpc-0", "grpc-1"));
}

TEST(GrpcThreadsTest, DoWorkWhenIdleOnTheThreadThatWasAsked) {
  SetGrpcThreads(1);
  std::vector<std::string> done;
  absl::Notification worked;
  Call call([&] {
    EXPECT_TRUE(WhenGrpcIsIdle([&] { done.push_back("first work on " + ThisThread()); }));
    EXPECT_TRUE(WhenGrpcIsIdle([&] {
      done.push_back("second work on " + ThisThread());
      worked.Notify();
    }));
    done.push_back("callback on " + ThisThread());
  });
  Await(&worked);
  EXPECT_THAT(done,
              ElementsAre("callback on grpc-0", "first work on grpc-0", "second work on grpc-0"));
}

TEST(GrpcThreadsTest, TakeNoWorkUntilTheyHaveRested) {
  SetGrpcThreads(1);
  bool taken_meanwhile = true;
  {
    absl::Notification worked;
    Call call([&] {
      EXPECT_TRUE(WhenGrpcIsIdle([&] {
        taken_meanwhile = WhenGrpcIsIdle([] {});
        worked.Notify();
      }));
    });
    Await(&worked);
  }
  EXPECT_FALSE(taken_meanwhile);
  // Sooner or later they have.
  bool taken = false;
  while (!taken) {
    Call call([&taken] { taken = WhenGrpcIsIdle([] {}); });
  }
}

TEST(GrpcThreadsTest, OthersAreNeverIdle) {
  EXPECT_FALSE(WhenGrpcIsIdle([] { FAIL(); }));
}

}  // namespace
}  // namespace carillon::program
