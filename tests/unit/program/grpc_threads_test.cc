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

#include "absl/synchronization/barrier.h"
#include "absl/synchronization/notification.h"

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

TEST(GrpcThreadsTest, CallBackInPlaceOfGrpcsOwn) {
  SetGrpcThreads(2);
  std::string first, second;
  {
    // Both at once need both. The barrier is deleted by whoever is last to leave it.
    auto* const barrier = new absl::Barrier(2);
    const auto meet = [barrier](std::string* thread) {
      *thread = ThisThread();
      if (barrier->Block()) delete barrier;
    };
    Call one([&] { meet(&first); });
    Call other([&] { meet(&second); });
  }
  EXPECT_THAT((std::vector{first, second}), UnorderedElementsAre("grpc-0", "grpc-1"));
}

TEST(GrpcThreadsTest, DoWorkWhenIdleOnTheThreadThatWasAsked) {
  SetGrpcThreads(1);
  std::vector<std::string> done;
  absl::Notification worked;
  Call call([&] {
    EXPECT_TRUE(WhenGrpcIsIdle([&] {
      done.push_back("work on " + ThisThread());
      worked.Notify();
    }));
    done.push_back("callback on " + ThisThread());
  });
  worked.WaitForNotification();
  EXPECT_THAT(done, ElementsAre("callback on grpc-0", "work on grpc-0"));
}

TEST(GrpcThreadsTest, TakeNoWorkUntilTheyHaveRested) {
  SetGrpcThreads(1);
  absl::Notification worked;
  bool taken_meanwhile = true;
  Call call([&] {
    EXPECT_TRUE(WhenGrpcIsIdle([&] {
      taken_meanwhile = WhenGrpcIsIdle([] {});
      worked.Notify();
    }));
  });
  worked.WaitForNotification();
  EXPECT_FALSE(taken_meanwhile);
  absl::Notification worked_again;
  Call next([&] { EXPECT_TRUE(WhenGrpcIsIdle([&] { worked_again.Notify(); })); });
  worked_again.WaitForNotification();
}

TEST(GrpcThreadsTest, OthersAreNeverIdle) {
  EXPECT_FALSE(WhenGrpcIsIdle([] { FAIL(); }));
}

}  // namespace
}  // namespace carillon::program
